using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Peers;

/// <summary>Nmap's ncat: at the end of its input it half-closes and waits for the rest.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Models))]
public sealed class NcatTests(string model)
{
    [TestCase(ListenForm.Tcp)]
    [TestCase(ListenForm.TcpOverIPv6)]
    [TestCase(ListenForm.UnixPath)]
    public void What_it_sends_comes_back(ListenForm form)
    {
        string ncat = Tools.Require("ncat");
        byte[] input = new byte[300_000];
        TestContext.CurrentContext.Random.NextBytes(input);
        using ServerProcess server = ServerProcess.Start(model, "echo", form);
        string[] arguments = form switch
        {
            ListenForm.Tcp => ["127.0.0.1", $"{server.Address.Port}"],
            ListenForm.TcpOverIPv6 => ["::1", $"{server.Address.Port}"],
            _ => ["-U", server.Address.FilePath!],
        };
        ProgramRun run = ProgramRun.Successfully(ncat, arguments, input);
        Assert.That(run.Output, Has.Length.EqualTo(input.Length));
        Assert.That(run.Output.AsSpan().SequenceEqual(input), Is.True);
        Assert.That(server.Stop(), Is.Zero);
    }
}
