using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>The same contract, printed for the other side: C# of a .x file, a .x file of a C# interface.</summary>
public sealed class Rpcgen
{
    private const string Interface = """
        using Multiplex.Rpc;

        namespace Shop;

        public enum Colour { Red, Green = 5 }

        [XdrStruct]
        public sealed partial class Item
        {
            [XdrMax(20)] public string Name { get; set; } = "";
            public Colour Colour { get; set; }
            [XdrMax(4, Each = 8)] public string[] Tags { get; set; } = [];
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
            [Procedure(1, Idempotent = true)] Answer Find([XdrMax(20)] string name);
            [Procedure(2)] bool Put(Item item, [XdrMax(100)] byte[] picture);
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
        Assert.That(again.Lines, Does.Contain("namespace Again;").And.Contain("        new(Program, Version, (uint)procedure, IsIdempotent: procedure is not (ShopV1Procedure.Put or ShopV1Procedure.Count));"));
        Assert.That(again.Lines, Has.Some.Contains("class ShopV1Client").And.Some.Contains("class ShopV1Server").And.Some.Contains("class ShopV2Client"));

        string rpcgen = Tools.Require("rpcgen"), gcc = Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
        ProgramRun.Successfully(rpcgen, ["-N", "-M", "shop.x"], folder: _folder.FullName);
        ProgramRun.Successfully(gcc, ["-w", "-c", "-I/usr/include/tirpc", "shop_clnt.c", "shop_xdr.c", "shop_svc.c"], folder: _folder.FullName);
    }

    [TestCase("wrong.x", "struct a {\n    int b\n};", ":3: expected ';' after a member, found '}'")]
    [TestCase("again.x", "struct a {\n    b c;\n};\nstruct a { int d; };", ":2: there is no type 'b': define it, or #include the file that does")]
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
    public void Data_without_a_bound_is_a_warning()
    {
        string path = Write("text.x", "struct text {\n    string words<>;\n};\n");
        ProgramRun run = ProgramRun.Successfully(ServerProcess.Command, ["rpcgen", path]);
        Assert.That(run.Errors, Is.EqualTo(new[] { $"{path}:2: warning: 'words' may be as long as it likes: give it a bound" }));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
