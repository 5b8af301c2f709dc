using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>The same contract in the other language: C# from a .x file, and a .x file from a C# interface.</summary>
public sealed class RpcgenTests
{
    private const string Interface = """
        using Multiplex.Rpc;

        namespace Shop;

        public enum Colour { Red, Green = 5 }

        [XdrStruct]
        public sealed partial class Item
        {
            [XdrMaxLength(20)] public string Name { get; set; } = "";
            public Colour Colour { get; set; }
            [XdrMaxLength(4, Each = 8)] public string[] Tags { get; set; } = [];
            public int? Stock { get; set; }
            public Item? Next { get; set; }
        }

        [XdrUnion, XdrCase(false)]
        public sealed partial class Answer
        {
            public bool Found { get; set; }
            [XdrCase(true)] public Item? Item { get; set; }
        }

        [RpcProgram(0x20004800)]
        public partial interface IShop
        {
            [Procedure(1, Idempotent = true)] Answer Find([XdrMaxLength(20)] string name);
            [Procedure(2)] bool Put(Item item, [XdrMaxLength(100)] byte[] picture);
            [Procedure(3)] ulong Count(long least);
        }

        [RpcProgram(0x20004800, Version = 2)]
        public partial interface IShopV2
        {
            [Procedure(1)] void Close();
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemoveFiles() => _folder.Delete(recursive: true);

    [Test]
    public void An_interface_becomes_a_x_file_that_rpcgen_and_gcc_take_and_that_becomes_csharp_again()
    {
        ProgramRun x = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", Write("Shop.cs", Interface)]);
        Assert.That(x.Errors, Is.Empty);
        string path = Write("shop.x", string.Join('\n', x.Lines) + "\n");
        ProgramRun again = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", path, "--namespace", "Again", "--idempotent", "SHOP_FIND"]);
        Assert.That(again.Lines, Does.Contain("namespace Again;").And.Contain("        new(Program, Version, (uint)procedure, IsIdempotent: procedure is not (ShopV1Procedure.Put or ShopV1Procedure.Count)) { Name = NameOf(procedure) };"));
        Assert.That(again.Lines, Has.Some.Contains("class ShopV1Client").And.Some.Contains("class ShopV1Server").And.Some.Contains("class ShopV2Client"));

        string rpcgen = Tools.Require("rpcgen"), gcc = Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
        ProgramRun.Successfully(rpcgen, ["-N", "-M", "shop.x"], folder: _folder.FullName);
        ProgramRun.Successfully(gcc, ["-w", "-c", "-I/usr/include/tirpc", "shop_clnt.c", "shop_xdr.c", "shop_svc.c"], folder: _folder.FullName);
    }

    [TestCase("wrong.x", "struct a {\n    int b\n};", ":3: expected ';' after a member, found '}'")]
    [TestCase("again.x", "struct a {\n    b c;\n};", ":2: there is no type 'b': define it, or #include the file that does")]
    [TestCase("Wrong.cs", "using Multiplex.Rpc;\n[RpcProgram(1)] public interface IA {\nvoid A(); }", ":3: 'A' has no number: mark it [Procedure(n)]")]
    [TestCase("Broken.cs", "using Multiplex.Rpc;\n[RpcProgram(1)] public interface IA {\n", ":2: } expected")]
    [TestCase("None.cs", "public interface IA;\n", ":1: there is no interface marked [RpcProgram(number)], with 'using Multiplex.Rpc;' before it")]
    [TestCase("words.txt", "", ": write a .x file, for its C#, or a .cs file, for its .x")]
    public void What_is_wrong_is_one_line_with_its_place(string name, string text, string message)
    {
        string path = Write(name, text);
        ProgramRun run = ProgramRun.Multiplex("rpcgen", path);
        Assert.That((run.Status, run.Lines.Length), Is.EqualTo((2, 0)));
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.EndWith(path + message));
    }

    [Test]
    public void All_mistakes_are_reported_also_those_of_included_files()
    {
        string types = Write("broken-types.x", "struct handle {\n    gone1 a;\n};\n");
        string path = Write("broken.x", "#include \"broken-types.x\"\nstruct t { handle h; gone2 b; };\nstruct u { int; };\n");
        ProgramRun run = ProgramRun.Multiplex("rpcgen", path);
        Assert.That((run.Status, run.Lines.Length), Is.EqualTo((2, 0)));
        Assert.That(run.Errors, Is.EquivalentTo(new[]
        {
            $"multiplex: {types}:2: there is no type 'gone1': define it, or #include the file that does",
            $"multiplex: {path}:2: there is no type 'gone2': define it, or #include the file that does",
            $"multiplex: {path}:3: expected the name of a member, found ';'",
        }));
    }

    [Test]
    public void Macros_come_from_outside_and_included_files_from_other_folders()
    {
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "include"));
        Write("include/limits.x", "#define MOST (2 * HALF)\nstruct handle { opaque bytes<HALF>; };\n");
        string path = Write("outside.x", "#include \"limits.x\"\n#if MOST == 64 && defined(LOUD)\nstruct loud { mode_t mode; handle h; };\n#endif\n");
        string folder = Path.Combine(_folder.FullName, "include");
        foreach (string[] options in (string[][])[["-D", "HALF=32", "-DLOUD", "-D", "mode_t=unsigned int", "-I", folder, path], [path, "--define", "HALF=32", "--define", "LOUD", "--define", "mode_t=unsigned int", "--include", folder], [$"-I{folder}", "-DHALF=32", "-DLOUD=", "-Dmode_t=unsigned int", path]])
        {
            ProgramRun run = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", .. options]);
            Assert.That(run.Lines, Does.Contain("public sealed partial record Loud").And.Contain("    public uint Mode { get; set; }"));
        }
    }

    [TestCase(new[] { "--strings", "latin1" }, "--strings latin1: write text or bytes")]
    [TestCase(new[] { "-I", "/no/such" }, "--include /no/such: there is no such folder")]
    [TestCase(new[] { "-D", "1=2" }, "SOUND:1: '1=2' is no macro: write NAME or NAME=WORDS")]
    public void Options_that_make_no_sense_are_refused(string[] options, string message)
    {
        string path = Write("sound.x", "struct a { int b; };\n");
        ProgramRun run = ProgramRun.Multiplex(["rpcgen", path, .. options]);
        Assert.That((run.Status, run.Lines.Length), Is.EqualTo((2, 0)));
        Assert.That(run.Errors, Is.EqualTo(new[] { $"multiplex: {message.Replace("SOUND", path)}" }));
    }

    [Test]
    public void The_clients_side_alone_names_no_type_of_the_server()
    {
        string file = Write("ping.x", "program PING { version PING_V1 { void PING_NULL(void) = 0; } = 1; } = 0x20004001;\n");
        Assert.That(string.Join('\n', ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", file]).Lines), Does.Contain("class PingV1Server").And.Contain("using Multiplex.Rpc.Server;"));
        Assert.That(
            string.Join('\n', ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", file, "--client"]).Lines),
            Does.Contain("class PingV1Client").And.Not.Contain("PingV1Server").And.Not.Contain("Multiplex.Rpc.Server").And.Not.Contain("RpcPrograms"));
    }

    [Test]
    public void Strings_are_bytes_where_that_is_said()
    {
        ProgramRun run = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", Write("names.x", "struct a { string name<255>; };\n"), "--strings", "bytes"]);
        Assert.That(run.Lines, Does.Contain("    public byte[] Name { get; set; } = [];"));
    }

    [Test]
    public void Methods_are_async_take_the_context_and_have_no_reply_where_that_is_said()
    {
        string path = Write("notes.x", "program NOTES {\n    version NOTES_V1 {\n        int NOTES_ASK(int) = 1;\n        void NOTES_TELL(int) = 2;\n    } = 1;\n} = 0x20004801;\n");
        Assert.That(Methods(), Is.EqualTo(new[] { "    int Ask(int args);", "    void Tell(int args);" }));
        Assert.That(Methods("--async"), Is.EqualTo(new[]
        {
            "    ValueTask<int> AskAsync(int args, CancellationToken cancellationToken = default);",
            "    ValueTask TellAsync(int args, CancellationToken cancellationToken = default);",
        }));
        Assert.That(Methods("--context"), Is.EqualTo(new[] { "    int Ask(int args, RpcContext? context = null);", "    void Tell(int args, RpcContext? context = null);" }));
        Assert.That(Print("--one-way", "NOTES_TELL"), Has.Some.Contains("IsOneWay = true").And.Some.Contains("IsOneWay = false").And.Some.Contains("void TellBatched(int args)"));
        Assert.That(Print(), Has.None.Contains("IsOneWay = true"));

        string[] Print(params string[] options) => ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", path, .. options]).Lines;

        // Of the interface, which begins with its name and ends with its brace.
        string[] Methods(params string[] options) =>
        [
            .. Print(options).SkipWhile(line => !line.EndsWith("partial interface INotesV1", StringComparison.Ordinal)).TakeWhile(line => line != "}")
                .Where(line => line.EndsWith(");", StringComparison.Ordinal)),
        ];
    }

    [TestCase("NOTES_ASK", ":3: 'NOTES_ASK' is one-way, and no caller would get its result: have it return void")]
    [TestCase("NOTES_LOSE", ":1: there is no procedure 'NOTES_LOSE' to be one-way: write names of this file's procedures, or *")]
    public void A_procedure_that_cannot_be_one_way_is_refused(string name, string message)
    {
        string path = Write("asks.x", "program NOTES {\n    version NOTES_V1 {\n        int NOTES_ASK(int) = 1;\n    } = 1;\n} = 0x20004801;\n");
        ProgramRun run = ProgramRun.Multiplex("rpcgen", path, "--one-way", name);
        Assert.That((run.Status, run.Lines.Length), Is.EqualTo((2, 0)));
        Assert.That(run.Errors, Is.EqualTo(new[] { $"multiplex: {path}{message}" }));
    }

    [Test]
    public void Data_without_a_bound_are_worth_a_note()
    {
        string path = Write("text.x", "struct text {\n    string words<>;\n};\n");
        ProgramRun run = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", path]);
        Assert.That(run.Errors, Is.EqualTo(new[] { $"{path}:2: note: 'words' may be as long as it likes: give it a bound" }));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
