using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Agents;

/// <summary>The recipe of docs/load-agents.md does what it says, in a network of its own.</summary>
public sealed class AgentRecipeTests
{
    [Test]
    public void Load_from_agents()
    {
        NetworkOf.RequireOne();
        string fleet = FleetCommand.Require(), nats = Tools.Require("nats-server");
        string path = $"PATH={Path.GetDirectoryName(fleet)}:{Path.GetDirectoryName(nats)}:{Environment.GetEnvironmentVariable("PATH")}";
        string recipe = Path.Combine(Repository.Root, "docs/recipes/load-agents.sh");
        ProgramRun run = ProgramRun.Successfully(Tools.Require("env"), [path, "unshare", "--net", "sh", "-c", $"ip link set lo up && exec bash '{recipe}'"]);
        string said = string.Join('\n', run.Lines);
        Assert.That(said, Does.Contain("3 agents at nats://127.0.0.1:4222").And.Contain("the latencies are those of probe alone").And.Contain("held: p50<10s"));
        Assert.That(said, Does.Contain("2 agents at nats://127.0.0.1:4222").And.Contain("rpc, closed loop"));
    }
}
