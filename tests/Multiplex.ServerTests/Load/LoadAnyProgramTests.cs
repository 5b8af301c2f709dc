using System.Text.Json;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>Loads of programs that the command does not know: by number, by their .x file, and of any protocol of bytes.</summary>
public sealed class LoadAnyProgramTests
{
    private const string Everything = """
        const MOST = 5;
        enum color { RED = 2, BLUE = 7 };
        struct point { int x; hyper y; };
        union shape switch (color kind) { case RED: point at; case BLUE: void; };
        struct list { unsigned int value; list *next; };
        typedef opaque payload<1024>;
        program MULTIPLEX {
            version MULTIPLEX_V1 {
                void NULLPROC(void) = 0;
                payload ECHO(payload) = 1;
                unsigned int SLEEP(unsigned int) = 2;
                unsigned hyper ADD(unsigned hyper) = 4;
            } = 1;
        } = 0x20004543;
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemoveFiles() => _folder.Delete(recursive: true);

    private string InFolder(string name, string content)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, content);
        return path;
    }

    private static ProgramRun Load(string endpoint, params string[] options) =>
        ProgramRun.Multiplex(["load", endpoint, "--connections", "3", "--depth", "2", "--requests", "60", "--json", "-", .. options]);

    private static void HoldsAll(ProgramRun run)
    {
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.EqualTo(60));
    }

    [Test]
    public void A_program_is_loaded_by_its_number([Values(ListenForm.Tcp, ListenForm.Udp, ListenForm.UnixPacket)] ListenForm form, [Values("none", "sys")] string credential)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", form);
        string address = server.Address.Text;
        HoldsAll(Load(address, "--program", "0x20004543/1", "--auth", credential));
        HoldsAll(Load(address, "--program", "0x20004543/1", "--procedure", "4", "--arguments", "00000000 00000002", "--auth", credential));

        // One call before the load; over datagrams one more, as only a reply shows that there is a server.
        int calls = 60 + (form == ListenForm.Udp ? 2 : 1);
        Assert.That(ProgramRun.Successfully(ServerProcess.Command, ["call", address, "add", "0"]).Lines.Single(), Is.EqualTo($"{2 * calls}"));
    }

    [Test]
    public void A_call_is_written_as_in_its_x_file()
    {
        string file = InFolder("multiplex.x", Everything);
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        foreach (string call in (string[])["NULLPROC()", "NULLPROC", "ECHO(\"you, (there)\")", "ECHO(0x0102030405)", "SLEEP(0)", "ADD( 3 )", "ADD(MOST)"])
            HoldsAll(Load(server.Address.Text, "--x", file, "--call", call));
        Assert.That(ProgramRun.Successfully(ServerProcess.Command, ["call", server.Address.Text, "add", "0"]).Lines.Single(), Is.EqualTo($"{8 * 61}"));
    }

    [TestCase(NameServiceKind.Rpcbind)]
    [TestCase(NameServiceKind.Multiplex)]
    public void A_program_is_found_by_the_name_service_of_its_host(NameServiceKind kind)
    {
        using NameServiceProcess names = NameServiceProcess.Start(kind);
        using ServerProcess server = names.Serve("epoll", "tcp://127.0.0.1:0");
        string[] load = ["load", "rpc://127.0.0.1/0x20004543/1", "--connections", "3", "--requests", "60", "--json", "-"];
        HoldsAll(names.Multiplex(load));
        HoldsAll(names.Multiplex([.. load, "--procedure", "4", "--arguments", "0000000000000002"]));
        HoldsAll(names.Multiplex([.. load, "--x", InFolder("found.x", Everything), "--call", "ADD(0)"]));
        Assert.That(names.Multiplex("call", server.Address.Text, "add", "0").Lines.Single(), Is.EqualTo($"{2 * 61}"));

        ProgramRun none = names.Multiplex("load", "rpc://127.0.0.1/77/1");
        Assert.That(none.Status, Is.EqualTo(1));
        Assert.That(none.Errors.Single(), Does.StartWith("multiplex: ").And.Contains("77"));
    }

    [Test]
    public void Macros_and_the_folders_of_included_files_are_given_as_to_rpcgen([Values(true, false)] bool attached)
    {
        string file = InFolder("version.x", "#include \"payload.x\"\n#ifdef LOADED\nprogram MULTIPLEX { version ONE { payload ECHO(payload) = 1; } = VERSION; } = 0x20004543;\n#endif\n");
        string folder = _folder.CreateSubdirectory("included").FullName;
        File.WriteAllText(Path.Combine(folder, "payload.x"), "typedef opaque payload<1024>;\n");
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        string[] outside = attached ? ["-DLOADED", "-DVERSION=1", $"-I{folder}"] : ["--define", "LOADED", "-D", "VERSION=1", $"--include={folder}"];
        HoldsAll(Load(server.Address.Text, ["--x", file, "--call", "ECHO(\"you\")", .. outside]));

        ProgramRun without = Load(server.Address.Text, "--x", file, "--call", "ECHO(\"you\")", "-DLOADED", "-DVERSION=1");
        Assert.That(without.Status, Is.EqualTo(2));
        Assert.That(without.Errors[0], Does.Contain("payload.x"));
    }

    [TestCase("bool ADD", "are a value of its type and 4 bytes more")]
    [TestCase("color ADD", "are no value of its type")]
    [TestCase("point ADD", "are no value of its type")]
    public void Results_that_are_not_of_the_procedures_type_are_said_before_the_load(string declared, string said)
    {
        string file = InFolder("wrong.x", Everything.Replace("unsigned hyper ADD", declared));
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(server.Address.Text, "--x", file, "--call", "ADD(1)");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors.Single(), Is.EqualTo($"multiplex: the results of procedure 4 {said}"));
    }

    [Test]
    public void Results_that_are_of_another_type_later_are_wrong_replies()
    {
        // The first sum is 1, and no later one is.
        string file = InFolder("later.x", Everything.Replace("const MOST = 5;", "enum one { ONE = 1 }; struct first { int high; one low; };").Replace("unsigned hyper ADD", "first ADD"));
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(server.Address.Text, "--x", file, "--call", "ADD(1)");
        Assert.That(run.Status, Is.EqualTo(1), () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.That(report.RootElement.GetProperty("errors").GetProperty("wrong_replies").GetInt64(), Is.EqualTo(60));
    }

    [TestCase("0x20004543/9", "0", "PROG_MISMATCH")]
    [TestCase("77/1", "0", "PROG_UNAVAIL")]
    [TestCase("0x20004543/1", "99", "PROC_UNAVAIL")]
    [TestCase("0x20004543/1", "4", "GARBAGE_ARGS")]
    public void A_call_that_fails_is_said_before_the_load(string program, string procedure, string said)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(server.Address.Text, "--program", program, "--procedure", procedure);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: ").And.Contains(said));
    }

    [TestCase("ADD()", "'")]
    [TestCase("ADD(-1)", "from 0 to")]
    [TestCase("ADD(1, 2)", "no more than 1")]
    [TestCase("ADD(1", "parenthesis")]
    [TestCase("ECHO(\"a)", "quotation mark")]
    [TestCase("ECHO(0x123)", "0x0102")]
    [TestCase("DANCE()", "NULLPROC, ECHO")]
    public void A_call_that_is_not_the_procedures_is_wrong_usage(string call, string said)
    {
        ProgramRun run = Load("tcp://127.0.0.1:1", "--x", InFolder("usage.x", Everything), "--call", call);
        Assert.That(run.Status, Is.EqualTo(2));
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: --call ").And.Contains(said));
    }

    [Test]
    public void Any_protocol_of_bytes_is_loaded([Values("12", "2lines")] string expect, [Values(ListenForm.Tcp, ListenForm.UnixPacket)] ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "echo", form);
        HoldsAll(Load(server.Address.Text, "--send", InFolder("lines", "hello\nworld\n"), "--expect", expect));
    }

    [Test]
    public void A_reply_that_is_longer_or_shorter_than_expected_is_reported([Values("13", "3lines", "11", "1line")] string expect)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "echo", ListenForm.Tcp);
        bool isShort = expect is "11" or "1line";

        // What is expected beyond the reply never comes: only the time ends that load.
        ProgramRun run = ProgramRun.Multiplex(
            ["load", server.Address.Text, "--connections", "1", "--requests", "5", .. isShort ? (string[])[] : ["--duration", "300ms"], "--send", InFolder("other", "hello\nworld\n"), "--expect", expect]);
        Assert.That(run.Status, Is.EqualTo(1), () => string.Join('\n', run.Lines));
        Assert.That(string.Join('\n', run.Lines), Does.Contain(isShort ? "wrong replies" : "got no reply"));
    }

    [TestCase("--send", "nowhere", "nowhere")]
    [TestCase("--expect", "64", "--send")]
    [TestCase("--procedure", "1", "--program")]
    [TestCase("--call", "ADD(1)", "--program")]
    [TestCase("--program", "nfs", "PROGRAM/VERSION")]
    [TestCase("--define", "A=1", "--x")]
    [TestCase("--include", "/", "--x")]
    [TestCase("--rpcbind", "tcp://127.0.0.1:111", "rpc://")]
    public void What_would_be_ignored_is_refused(string option, string value, string said)
    {
        ProgramRun run = Load("tcp://127.0.0.1:1", option, value);
        Assert.That(run.Status, Is.EqualTo(2));
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: ").And.Contains(said));
    }
}
