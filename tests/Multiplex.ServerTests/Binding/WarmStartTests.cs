using Mono.Unix.Native;
using Multiplex.Rpc.Binding;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary><c>rpcbind --state FILE</c>: registrations survive a restart of the name service.</summary>
public sealed class WarmStartTests
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.state");

    [TearDown]
    public void Remove() => File.Delete(_file);

    [TestCase(Signum.SIGKILL)]
    [TestCase(Signum.SIGTERM)]
    public void What_was_registered_is_known_after_a_restart_with_its_owner(Signum end)
    {
        Registration one = new(0x2000_9999, 1, "tcp", "127.0.0.1.0.9", ""), other = new(0x2000_9998, 2, "local", "/tmp/a name with spaces", "");
        Registration removed = one with { Program = 0x2000_9997 };
        Registration[] before, after;
        using (ServerProcess first = Start())
        {
            using NameServiceClient names = new(Endpoint.Parse(first.Address.Text));
            Assert.That(((Registration[])[one, other, removed]).Select(names.Set), Has.All.True);
            Assert.That(names.Unset(removed), Is.True);
            before = [.. names.Dump().Where(each => each.Program != NameService.Program)];
            first.Signal(end);
            first.WaitForExit();
        }

        using ServerProcess second = Start();
        using NameServiceClient again = new(Endpoint.Parse(second.Address.Text));
        after = [.. again.Dump().Where(each => each.Program != NameService.Program)];
        Assert.That(before.Select(each => each.Program), Is.EqualTo((uint[])[one.Program, other.Program]));
        Assert.That(after, Is.EqualTo(before));
        Assert.That(again.Dump(), Has.Exactly(2).Matches<Registration>(each => each!.Program == NameService.Program), "its own, once");
        Assert.That(second.Stop(), Is.Zero);
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(_file)!).Where(path => path.StartsWith(_file, StringComparison.Ordinal)), Is.EqualTo((string[])[_file]), "no half-written file is left");
    }

    [Test]
    public void What_makes_no_sense_in_the_file_is_reported_and_left_out()
    {
        File.WriteAllText(_file, "nonsense\n536910233 1 tcp superuser 192.0.2.77.0.9\n536910232 1 tcp superuser 127.0.0.1.0.9\n");
        using ServerProcess names = Start();
        using NameServiceClient client = new(Endpoint.Parse(names.Address.Text));
        Assert.That(client.Dump().Select(one => one.Program).Where(program => program != NameService.Program), Is.EqualTo((uint[])[536_910_232]));
        Assert.That(names.Stop(), Is.Zero);
        Assert.That(names.Errors[0], Does.Contain("line 1"));
        Assert.That(names.Errors[1], Does.Contain("192.0.2.77.0.9"));
    }

    [Test]
    public void A_file_that_others_may_write_and_one_that_cannot_be_written_are_refused()
    {
        File.WriteAllText(_file, "");
        Assert.That(Syscall.chmod(_file, FilePermissions.DEFFILEMODE), Is.Zero);
        Refused(_file, "no other user may write");
        Refused("/proc/no-such-directory/state", "no-such-directory");
        string link = $"{_file}.link";
        File.CreateSymbolicLink(link, _file);
        Refused(link, "ELOOP");
        File.Delete(link);
    }

    private static void Refused(string file, string why)
    {
        ProgramRun run = ProgramRun.Multiplex("rpcbind", "--listen", ListenForm.UnixAbstract.NewEndpoint(), "--state", file);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.Contain(why));
    }

    private ServerProcess Start() =>
        ServerProcess.StartProgram(ServerProcess.Command, ["rpcbind", "--listen", ListenForm.UnixPath.NewEndpoint(), "--state", _file]);
}
