using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Interfaces;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>Stubs from C# interfaces: the same contract as the .x file that is printed of them, and problems are reported at their line.</summary>
public class InterfaceStubsTests
{
    private const string Source = """
        using Multiplex.Rpc;

        namespace Shop;

        public enum Colour { Red, Green = 5, Blue }

        [XdrStruct]
        public sealed partial class Item
        {
            [XdrMaxLength(20)] public string Name { get; set; } = "";
            public Colour Colour { get; set; }
            public double Price { get; set; }
            [XdrFixed(16)] public byte[] Key { get; set; } = new byte[16];
            [XdrMaxLength(4, Each = 8)] public string[] Tags { get; set; } = [];
            [XdrMaxLength(3)] public long[] Sizes { get; set; } = [];
            public int? Stock { get; set; }
            public Item? Next { get; set; }
        }

        [XdrUnion, XdrCase(2, 3)]
        public sealed partial class Answer
        {
            public int Status { get; set; }
            [XdrCase(0)] public Item? Found { get; set; }
            [XdrDefault, XdrMaxLength(30)] public string? Problem { get; set; }
        }

        [RpcProgram(0x20004800)]
        public partial interface IShop
        {
            [Procedure(1, Idempotent = true)] Answer Find([XdrMaxLength(20)] string name);
            [Procedure(2)] bool Put(Item item, [XdrMaxLength(100)] byte[] picture);
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

    [Test]
    public void Stubs_of_an_internal_interface_are_internal()
    {
        System.Reflection.Assembly made = StubCompiler.Compile([], """
            using Multiplex.Rpc;
            [XdrStruct] internal sealed partial class Item { public int Number { get; set; } }
            [RpcProgram(1)] internal partial interface IShop { [Procedure(1)] Item Find(Item like); }
            """).Load();
        Assert.That(made.GetExportedTypes(), Is.Empty);
        Assert.That(made.GetType("ShopV1Client"), Is.Not.Null);
    }

    [Test]
    public void A_procedure_may_be_called_what_a_half_of_another_ones_stub_is_called() => StubCompiler.Compile([], """
        using Multiplex.Rpc;
        [RpcProgram(1)] public partial interface IFiles
        {
            [Procedure(1)] uint Link(uint from, uint to);
            [Procedure(2)] uint ReadLink(uint link);
            [Procedure(3)] uint WriteLink(uint link);
            [Procedure(4)] uint Read(uint file);
            [Procedure(5)] void Write();
        }
        """).Load();

    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A();\n[Procedure(1)] void B(); }", "MXRPC003", 5, "the procedure number 1 stands twice in version AV1: A and B")]
    [TestCase("[RpcProgram(1)] public partial interface IA { [Procedure(1)] void A(); }\n[RpcProgram(1)] public partial interface IB { [Procedure(1)] void A(); }", "MXRPC003", 4, "program 1 version 1 stands twice: give one interface another Version")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\nvoid A(); }", "MXRPC004", 4, "'A' has no number: mark it [Procedure(n)]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] System.DateTime A(); }", "MXRPC004", 4, "'System.DateTime' is no type of XDR: write a number, bool, string, byte[], an array, an enum, or a class marked [XdrStruct] or [XdrUnion]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1, OneWay = true)] System.Threading.Tasks.Task<int> A(); }", "MXRPC004", 4, "'A' is one-way, and no caller would get its result: have it return void, Task or ValueTask")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1, Transactional = true)] int A(int b); }", "MXRPC004", 4, "'A' is transactional, and has no parameter of type RpcContext, by which it records its result: add one")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(System.Threading.CancellationToken b, int c); }", "MXRPC004", 4, "'b' is a token, and not the last parameter: write it last")]
    [TestCase("public class C { [RpcProgram(1)] private partial interface IA {\n[Procedure(1)] void A(); } }", "MXRPC004", 3, "'IA' is private, generic or within a generic type, and the stubs cannot implement it: make it internal or public")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A();\n[Procedure(2)] System.Threading.Tasks.Task AAsync(); }", "MXRPC003", 5, "the procedure 'A' stands twice in version AV1")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(byte[] data); }", "MXRPC005", 4, "'data' may be as long as it likes: mark it [XdrMaxLength(n)]")]
    [TestCase("[XdrStruct] public partial class S {\npublic string Text { get; set; } = \"\"; }", "MXRPC005", 4, "'Text' may be as long as it likes: mark it [XdrMaxLength(n)]")]
    [TestCase("[XdrStruct] public partial class S {\npublic int Number { get; init; } }", "MXRPC004", 4, "'Number' can only be initialised: write set for init")]
    [TestCase("[XdrUnion] public partial class U {\n[XdrCase(1)] public int One { get; set; } }", "MXRPC004", 3, "'U' must have one property without [XdrCase] or [XdrDefault], which discriminates; it has 0")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A();\n[Procedure(2)] void A(int b); }", "MXRPC003", 5, "the procedure 'A' stands twice in version AV1")]
    [TestCase("[XdrUnion] public partial class U {\npublic int Kind { get; set; }\n[XdrCase(1)] public int One { get; set; }\n[XdrCase(2, 1)] public int Two { get; set; } }", "MXRPC003", 6, "the case 1 stands twice in union U: 1 and 1")]
    [TestCase("[XdrUnion] public partial class U {\npublic int Kind { get; set; }\n[XdrDefault] public int One { get; set; }\n[XdrDefault] public int Two { get; set; } }", "MXRPC003", 6, "union U has two default arms")]
    [TestCase("[XdrStruct] public partial class S {\n[XdrMaxLength(8), XdrFixed(8)] public byte[] Key { get; set; } = []; }", "MXRPC003", 4, "the length has two bounds: write [XdrMaxLength(n)] or [XdrFixed(n)]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(System.Collections.Generic.List<int> b); }", "MXRPC004", 4, "'System.Collections.Generic.List<int>' is no type of XDR: write a number, bool, string, byte[], an array, an enum, or a class marked [XdrStruct] or [XdrUnion]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(out int b); }", "MXRPC004", 4, "'b' is passed by reference: a remote procedure returns its results")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A<T>(); }", "MXRPC004", 4, "'A' is generic or static: a remote procedure is neither")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\nint A { get; } }", "MXRPC004", 4, "'A' is no method: only methods can be remote procedures")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void Version(); }", "MXRPC004", 4, "'Version' is the name of something else in the stubs: write another")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A();\n[Procedure(2)] void AAsync(); }", "MXRPC004", 5, "'AAsync' is the name of something else in the stubs: write another")]
    [TestCase("public interface IB { void B(); }\n[RpcProgram(1)] public partial interface IA : IB { [Procedure(1)] void A(); }", "MXRPC004", 4, "'IA' extends 'IB', whose methods would be no procedures: write them here")]
    [TestCase("public enum E : long { A = 1L << 40 }\n[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A(E b); }", "MXRPC004", 5, "'E' has A = 1099511627776, which is no 32-bit integer")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A([XdrMaxLength(8)] int b); }", "MXRPC004", 4, "'int' has no length: [XdrMaxLength] and [XdrFixed] are for strings, byte[] and arrays")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A([XdrFixed(8)] string b); }", "MXRPC004", 4, "strings of XDR have no fixed length: write [XdrMaxLength(n)]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A([XdrMaxLength(-1)] string b); }", "MXRPC004", 4, "-1 = -1 is no length")]
    [TestCase("[XdrStruct] public partial class S {\npublic required int Number { get; set; } }", "MXRPC004", 4, "'Number' is required: give it a first value instead")]
    [TestCase("[XdrStruct]\npublic partial class S(int number) { public int Number { get; set; } = number; }", "MXRPC004", 4, "'S' has no constructor without parameters, with which what was received is made")]
    [TestCase("public class B;\n[XdrStruct] public partial class S : B { public int Number { get; set; } }", "MXRPC004", 4, "'S' is abstract, generic or derived: write a class by itself")]
    [TestCase("[XdrUnion] public partial class U {\npublic double Kind { get; set; }\n[XdrDefault] public int One { get; set; } }", "MXRPC004", 4, "'Kind' must be an int, unsigned int, bool or enum to discriminate")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] string A(); }", "MXRPC005", 4, "the result of A may be as long as it likes: mark it [XdrMaxLength(n)]")]
    [TestCase("[RpcProgram(1)] public partial interface IA {\n[Procedure(1)] void A([XdrMaxLength(4)] string[] b); }", "MXRPC005", 4, "'b' may be as long as it likes: mark it [XdrMaxLength(n)]")]
    public void Problems_are_reported_at_their_line(string source, string id, int line, string message)
    {
        Diagnostic found = StubCompiler.Compile([], "using Multiplex.Rpc;\n\n" + source).Problems.First();
        Assert.That(found.GetMessage(), Is.EqualTo(message));
        Assert.That((found.Id, found.Location.GetLineSpan().Path, found.Location.GetLineSpan().StartLinePosition.Line + 1), Is.EqualTo((id, "Source1.cs", line)));
    }
}
