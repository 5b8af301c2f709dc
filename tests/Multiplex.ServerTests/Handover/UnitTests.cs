using System.Text.RegularExpressions;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Handover;

/// <summary>The units of the Debian package: what systemd-analyze(1) says of their sandbox, and that each model stays within it.</summary>
public sealed partial class UnitTests
{
    private const double MostExposure = 1.5;

    private static readonly string s_folder = Path.Combine(Repository.Root, "src/packaging/systemd");
    private static readonly Lazy<HashSet<string>> s_allowed = new(AllowedCalls);

    public static IEnumerable<string> Served => Cells.Served;

    [Test]
    public void The_exposure_is_small()
    {
        ProgramRun run = ProgramRun.Of(Tools.Require("systemd-analyze"), ["security", "--offline=true", Path.Combine(s_folder, "multiplex.service")]);
        Match exposure = Overall().Match(string.Join('\n', run.Lines));
        Assert.That(exposure.Success, Is.True, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
        Assert.That(double.Parse(exposure.Groups[1].Value), Is.AtMost(MostExposure));
    }

    [Test]
    public void The_units_are_valid()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-units-");
        foreach (string unit in (string[])["multiplex.service", "multiplex.socket"])
            File.WriteAllText(Path.Combine(folder.FullName, unit), File.ReadAllText(Path.Combine(s_folder, unit)).Replace("/usr/bin/multiplex", ServerProcess.Command));
        ProgramRun run = ProgramRun.Successfully(Tools.Require("systemd-analyze"), ["verify", "--man=no", Path.Combine(folder.FullName, "multiplex.service"), Path.Combine(folder.FullName, "multiplex.socket")]);
        Assert.That(run.Errors, Is.Empty);
        folder.Delete(recursive: true);
    }

    [TestCaseSource(nameof(Served))]
    public void Each_model_makes_only_calls_that_the_filter_allows(string model)
    {
        string record = Path.GetTempFileName();
        string[] endpoints = [.. Cells.FormsOf(model).DistinctBy(form => form.Kind()).Select(form => form.NewEndpoint())];
        using (ServerProcess server = ServerProcess.StartProgram(
            Tools.Require("strace"), ["-f", "-o", record, ServerProcess.Command, .. ServerProcess.ServeArguments(model, "rpc", endpoints), "--fd-store"], endpoints.Length))
        {
            foreach (ServerAddress address in server.Addresses)
            {
                using RpcPeer peer = new(address);
                peer.Null();
                peer.Add(1);
                peer.Sleep(1);
                peer.Whoami();
                Assert.That(peer.Echo(new byte[1000]), Has.Length.EqualTo(1000));
            }

            ServerProcess.Signal(Manager.ProcessOf(server, run: 1), Signum.SIGTERM);
            Assert.That(server.WaitForExit(2 * Eventually.Deadline), Is.Zero);
        }

        string[] lines = File.ReadAllLines(record);
        string[] refused = [.. lines.Select(line => Call().Match(line)).Where(call => call.Success).Select(call => call.Groups[1].Value).Distinct().Where(name => !s_allowed.Value.Contains(name))];
        Assert.That(lines, Has.Length.AtLeast(100), "the calls are recorded");
        Assert.That(refused, Is.Empty);
        Assert.That(lines.Where(line => Executable().IsMatch(line)), Is.Empty, "no memory becomes executable: MemoryDenyWriteExecute=");
        File.Delete(record);
    }

    // The names of SystemCallFilter=, of which those with ~ are taken away; a group has further groups in it.
    private static HashSet<string> AllowedCalls()
    {
        HashSet<string> allowed = [];
        foreach (string line in File.ReadLines(Path.Combine(s_folder, "multiplex.service")).Where(line => line.StartsWith("SystemCallFilter=", StringComparison.Ordinal)))
        {
            string names = line[(line.IndexOf('=') + 1)..];
            HashSet<string> listed = [.. names.TrimStart('~').Split(' ').SelectMany(Expanded)];
            if (names.StartsWith('~'))
                allowed.ExceptWith(listed);
            else
                allowed.UnionWith([.. listed, .. Expanded("@default")]);
        }

        return allowed;
    }

    private static IEnumerable<string> Expanded(string name) => name.StartsWith('@')
        ? ProgramRun.Successfully(Tools.Require("systemd-analyze"), ["syscall-filter", name]).Lines.Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0 && !line.StartsWith('#')).SelectMany(Expanded)
        : [name];

    [GeneratedRegex(@"exposure level for multiplex.service: (\d+\.\d+)")]
    private static partial Regex Overall();

    [GeneratedRegex(@"^\d+ +(\w+)\(")]
    private static partial Regex Call();

    [GeneratedRegex(@" (mprotect|pkey_mprotect)\(.*PROT_EXEC| mmap\(.*PROT_WRITE\|PROT_EXEC")]
    private static partial Regex Executable();
}
