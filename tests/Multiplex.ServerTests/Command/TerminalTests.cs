using System.Text;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>The verbs on a terminal: progress is shown on a terminal only, and the output stays readable in few columns.</summary>
public sealed class TerminalTests
{
    private const string Address = "{address}", Folder = "{folder}";

    [TestCase("connecting", "load", "--connect", Address, "--requests", "400", "--rate", "200")]
    [TestCase("connecting", "load", "--connect", Address, "--requests", "100")]
    [TestCase("closed loop", "load", "--connect", Address, "--duration", "200ms", "--warmup", "0s", "--find-capacity", "--slo", "p50<30s")]
    [TestCase("scenario", "compare", "--models", "poll", "--scenarios", "echo", "--connections", "2", "--rounds", "1", "--duration", "300ms", "--warmup", "0s", "--out", Folder)]
    public void A_verb_that_shows_progress_ends_as_it_does_without_a_terminal(string progress, params string[] arguments)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            foreach (int columns in (int[])[80, 40])
            {
                ProgramRun run = PseudoTerminal.Multiplex(
                    columns, [.. arguments.Select(word => word.Replace(Address, server.Address.Text).Replace(Folder, folder.FullName))]);
                string all = Encoding.UTF8.GetString(run.Output);
                Assert.That(run.Status, Is.AnyOf(0, 1, 3), all);   // 1: if the machine stalls, no reply arrives in time
                Assert.That(all, Does.Not.Contain("Unhandled").And.Not.Contain("Exception"));
                Assert.That(all, Does.Contain(arguments[0] == "compare" ? "report.html" : "a closed loop brings").Or.Contain("replies/s"), "and it came to its end");
                if (arguments[0] == "load")
                    Assert.That(all, Does.Contain(progress));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void Help_fits_the_columns_and_tells_how_a_verb_is_used(
        [Values(120, 80, 40)] int columns, [Values("serve", "load", "compare", "call", "rpcbind", "rpcinfo", "rpcgen", "models", "tour")] string verb)
    {
        ProgramRun run = PseudoTerminal.Multiplex(columns, verb, "--help");
        Assert.That(run.Status, Is.Zero);
        string[] lines = PseudoTerminal.Visible(run);
        Assert.That(lines[0], Does.StartWith($"usage: multiplex {verb}"));
        Assert.That(lines, Has.Member("examples:").And.Some.StartWith($"  multiplex {verb}"));
        int longestWord = lines.SelectMany(line => line.Split(' ')).Max(word => word.Length);
        Assert.That(lines.Select(line => line.Length), Is.All.LessThanOrEqualTo(Math.Max(columns, longestWord + 6)), () => string.Join('\n', lines));
    }

    [Test]
    public void A_comparison_fits_the_columns_and_no_figure_is_broken([Values(120, 80, 40)] int columns)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        ProgramRun run = PseudoTerminal.Multiplex(
            columns, "compare", "--models", "poll,fork", "--scenarios", "echo,churn", "--connections", "4", "--rounds", "2", "--rounds-only", "--requests", "50", "--out", folder.FullName);
        folder.Delete(recursive: true);
        Assert.That(run.Status, Is.Zero, () => Encoding.UTF8.GetString(run.Output));
        string[] lines = [.. PseudoTerminal.Visible(run).SkipWhile(line => !line.Contains(" x ", StringComparison.Ordinal))];   // what progress drew is before that
        int longestWord = lines.SelectMany(line => line.Split(' ')).Max(word => word.Length);
        Assert.That(lines.Select(line => line.Length), Is.All.LessThanOrEqualTo(Math.Max(columns, longestWord + 4)), () => string.Join('\n', lines));
        Assert.That(Regex.Count(string.Join('\n', lines), @"(poll|fork)\s+[0-9.]+k?\s+±[0-9]+%"), Is.GreaterThanOrEqualTo(4), () => string.Join('\n', lines));
        Assert.That(lines, Has.None.Match(@"^\s*(ns|µs|ms|s|%)\b").And.None.Contains("…"), () => string.Join('\n', lines));
    }

    [Test]
    public void Results_fit_the_columns_and_no_figure_is_broken([Values(120, 80, 40, 20)] int columns, [Values] bool capacity)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        string[] search = capacity ? ["--find-capacity", "--slo", "p50<30s", "--warmup", "0s"] : ["--rate", "300", "--slo", "max<1us"];
        ProgramRun run = PseudoTerminal.Multiplex(
            columns, ["load", "--connect", server.Address.Text, "--connections", "3", "--duration", "300ms", .. search]);
        Assert.That(run.Status, Is.AnyOf(0, 1, 3));
        string[] lines = PseudoTerminal.Visible(run);
        int longestWord = lines.SelectMany(line => line.Split(' ')).Max(word => word.Length);
        Assert.That(lines.Select(line => line.Length), Is.All.LessThanOrEqualTo(Math.Max(columns, longestWord + 2)), () => string.Join('\n', lines));

        // Each percentile stands beside its figure, with the unit.
        if (columns <= 80 && !capacity)
        {
            MatchCollection figures = Regex.Matches(string.Join('\n', lines), @"\bp(50|99) (–|[0-9.,]+ (ns|µs|ms|s))( |$)", RegexOptions.Multiline);
            Assert.That(figures, Has.Count.GreaterThanOrEqualTo(2), () => string.Join('\n', lines));
        }
    }
}
