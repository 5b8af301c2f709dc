using System.Globalization;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>The recipes of docs/fleet.md and docs/operations.md do what they say, each in a network of its own.</summary>
public sealed partial class FleetRecipeTests
{
    [Test]
    public void Names()
    {
        ProgramRun run = Run("fleet-names.sh", Tools.Require("etcd"));
        Assert.That(run.Lines, Has.Exactly(2).StartsWith("pid="));
        Assert.That(run.Lines, Has.Exactly(2).Matches(@"^_rpc-536888643-1\._tcp 10 IN SRV 0 0 [0-9]+ h-127-0-0-1$"));
        Assert.That(run.Lines[^1], Is.EqualTo("the killed server is gone"));
    }

    [Test]
    public void Once()
    {
        ProgramRun run = Run("fleet-once.sh", Tools.Require("haproxy"), Tools.Require("redis-server"));
        Match sums = Sums().Match(run.Lines[^3]);
        int one = int.Parse(sums.Groups["one"].Value, CultureInfo.InvariantCulture), two = int.Parse(sums.Groups["two"].Value, CultureInfo.InvariantCulture);
        Assert.That(one + two, Is.EqualTo(10));
        Assert.That(run.Lines[^2..], Is.EqualTo([$"a call and its repeat to the other server: {one + 100} and {one + 100}", "the other server has run 10 more"]));
    }

    [Test]
    public void Metrics()
    {
        ProgramRun run = Run("metrics.sh", Tools.Require("prometheus"), Tools.Require("promtool"));
        Assert.That(run.Lines[^2..], Is.EqualTo(["calls: 1001", "in the histogram: 1001"]));
    }

    [Test]
    public void Upgrade() => Assert.That(Run("upgrade.sh").Lines, Is.EqualTo(["three upgrades: no client was refused, and each call ran once"]));

    [GeneratedRegex("^sums of the servers: (?<one>[0-9]+) and (?<two>[0-9]+); replies in Redis: 10$")]
    private static partial Regex Sums();

    private static ProgramRun Run(string recipe, params string[] programs)
    {
        NetworkOf.RequireOne();
        string[] folders = [.. programs.Prepend(FleetCommand.Require()).Select(program => Path.GetDirectoryName(program)!)];
        string path = $"PATH={string.Join(':', folders)}:{Environment.GetEnvironmentVariable("PATH")}";
        return ProgramRun.Successfully(Tools.Require("env"), [path, "unshare", "--net", "sh", "-c", $"ip link set lo up && exec bash '{Path.Combine(Repository.Root, "docs/recipes", recipe)}'"]);
    }
}
