using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Interfaces;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Stubs;

/// <summary>Stubs from C# interfaces: the same contract as the .x file that is printed of them, and problems at their line.</summary>
public class InterfaceStubsTests
{
    private const string Source = """
        using Multiplex.Rpc;

        namespace Shop;

        public enum Colour { Red, Green = 5, Blue }

        [XdrStruct]
        public sealed partial class Item
        {
            [XdrMax(20)] public string Name { get; set; } = "";
            public Colour Colour { get; set; }
            public double Price { get; set; }
            [XdrFixed(16)] public byte[] Key { get; set; } = new byte[16];
            [XdrMax(4, Each = 8)] public string[] Tags { get; set; } = [];
            [XdrMax(3)] public long[] Sizes { get; set; } = [];
            public int? Stock { get; set; }
            public Item? Next { get; set; }
        }

        [XdrUnion, XdrCase(2, 3)]
        public sealed partial class Answer
        {
            public int Status { get; set; }
            [XdrCase(0)] public Item? Found { get; set; }
            [XdrDefault, XdrMax(30)] public string? Problem { get; set; }
        }

        [RpcProgram(0x20004800)]
        public partial interface IShop
        {
            [Procedure(1, Idempotent = true)] Answer Find([XdrMax(20)] string name);
            [Procedure(2)] bool Put(Item item, [XdrMax(100)] byte[] picture);
        }

        [RpcProgram(0x20004800, Version = 2)]
        public partial interface IShopV2
        {
            [Procedure(1)] void Close();
        }
        """;

    [Test]
    public void The_printed_x_file_is_the_same_contract()
    {
        ProblemList problems = [];
        string? x = InterfaceFile.ToX("Shop.cs", Source, ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(':'), problems);
        Assert.That(problems, Is.Empty);
        Assert.That(x, Does.Contain("answer SHOP_FIND(shop_find_name) = 1;").And.Contain("bool SHOP_PUT(item, shop_put_picture) = 2;"));
        Assert.That(x, Does.Contain("version SHOP_V2 {\n        void SHOP_CLOSE(void) = 1;\n    } = 2;\n} = 0x20004800;"));

        Codecs ofX = Codecs.Of(new("/shop.x", x!, "FromX"), [], out CompositeType[] types);
        Random random = new(20261124);
        (CompositeType Type, byte[] Bytes)[] values = [.. types.SelectMany(type => Enumerable.Range(0, 100).Select(_ => (type, RandomXdr.Value(type, random))))];
        byte[]?[] recoded = [.. values.Select(value => ofX.Recode(value.Type, value.Bytes))];
        Codecs ofCSharp = Codecs.Of(Source, "Shop", types);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.That(recoded[i], Is.EqualTo(values[i].Bytes));
            Assert.That(ofCSharp.Recode(values[i].Type, values[i].Bytes), Is.EqualTo(values[i].Bytes), values[i].Type.Name);
        }

        Assert.That(types.Select(type => type.CSharpName), Is.EqualTo(new[] { "Item", "Answer" }));
    }

    [Test]
    public void Versions_stand_side_by_side_and_know_what_may_run_twice()
    {
        Compiled compiled = StubCompiler.Compile([], Source, """
            using Multiplex.Rpc;
            using Shop;
            public static class Look
            {
                public static bool[] Idempotent() => [ShopV1.Find.IsIdempotent, ShopV1.Put.IsIdempotent, ShopV2.Close.IsIdempotent, ShopV2.Close.Version == 2];
            }
            """);
        Assert.That(compiled.Load().GetType("Look")!.GetMethod("Idempotent")!.CreateDelegate<Func<bool[]>>()(), Is.EqualTo(new[] { true, false, false, true }));
        Assert.That(compiled.Problems, Is.Empty);
    }

    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A();\n[Procedure(1)] void B(); }", "MXRPC003", 5, "the procedure number 1 stands twice in version AV1: A and B")]
    [TestCase("[RpcProgram(1)] public partial interface IA { [Procedure(1)] void A(); }\n[RpcProgram(1)] public partial interface IB { [Procedure(1)] void A(); }", "MXRPC003", 4, "program 1 version 1 stands twice: give one interface another Version")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\nvoid A(); }", "MXRPC004", 4, "'A' has no number: mark it [Procedure(n)]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] System.DateTime A(); }", "MXRPC004", 4, "'System.DateTime' is no type of XDR: write a number, bool, string, byte[], an array, an enum, or a class marked [XdrStruct] or [XdrUnion]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] System.Threading.Tasks.Task A(); }", "MXRPC004", 4, "'A' returns a task: write its result itself; the client has an async method for each procedure")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(byte[] data); }", "MXRPC005", 4, "'data' may be as long as it likes: mark it [XdrMax(n)]")]
    [TestCase("[XdrStruct] public partial class S {\npublic string Text { get; set; } = \"\"; }", "MXRPC005", 4, "'Text' may be as long as it likes: mark it [XdrMax(n)]")]
    [TestCase("[XdrStruct] public partial class S {\npublic int Number { get; init; } }", "MXRPC004", 4, "'Number' can only be initialised: write set for init")]
    [TestCase("[XdrUnion] public partial class U {\n[XdrCase(1)] public int One { get; set; } }", "MXRPC004", 3, "'U' must have one property without [XdrCase] or [XdrDefault], which discriminates; it has 0")]
    public void Problems_are_told_at_their_line(string source, string id, int line, string message)
    {
        Diagnostic found = StubCompiler.Compile([], "using Multiplex.Rpc;\n\n" + source).Problems.First();
        Assert.That(found.GetMessage(), Is.EqualTo(message));
        Assert.That((found.Id, found.Location.GetLineSpan().Path, found.Location.GetLineSpan().StartLinePosition.Line + 1), Is.EqualTo((id, "Source1.cs", line)));
    }
}
