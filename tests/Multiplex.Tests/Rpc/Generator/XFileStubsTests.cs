using System.Reflection;
using Microsoft.CodeAnalysis;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>The C# for a .x file, in a project that treats warnings as errors.</summary>
public class XFileStubsTests
{
    private const string Types = "struct handle { opaque bytes<64>; };\nconst SHARED = 5;\n";

    private const string One = """
        #include "types.x"
        struct open_args { handle h; int mode; };
        program ONE { version ONE_V1 { int OPEN(open_args) = 1; handle LOOKUP(handle) = 2; } = 1; } = 0x20001001;
        """;

    private const string Two = """
        #include "types.x"
        struct close_args { handle h; };
        program TWO { version TWO_V1 { int CLOSE(close_args) = 1; handle LOOKUP(handle) = 2; } = 1; } = 0x20001002;
        """;

    [TestCase("A", "A", "A")]
    [TestCase("A", "A", "B")]
    [TestCase("A", "B", "B")]
    [TestCase("A", "B", "C")]
    [TestCase("A", "A", "")]
    [TestCase("", "A", "B")]
    public void Files_may_share_types_in_one_namespace_or_in_several(string first, string second, string shared)
    {
        Compiled compiled = StubCompiler.Compile([new("/one.x", One, first), new("/two.x", Two, second), new("/types.x", Types, shared)]);
        Assert.That(compiled.Problems, Is.Empty);
        Assembly made = compiled.Load();
        string prefix = shared.Length > 0 ? shared + "." : "";
        Assert.That(made.GetTypes().Count(type => type.Name is "Handle" or "HandleView"), Is.EqualTo(2));
        Assert.That(made.GetType(prefix + "HandleView"), Is.Not.Null);
    }

    [Test]
    public void A_file_beside_the_one_that_includes_it_comes_before_others_of_its_name()
    {
        Compiled compiled = StubCompiler.Compile([
            new("/a/types.x", "struct handle { int first; };", "A"),
            new("/b/types.x", "struct handle { int second; };", "B"),
            new("/a/one.x", "#include \"types.x\"\nstruct one { handle h; };", "One"),
            new("/b/two.x", "#include \"types.x\"\nstruct two { handle h; };", "Two"),
            new("/a/three.x", "#include \"../b/types.x\"\nstruct three { handle h; };", "Three"),
        ]);
        Assembly made = compiled.Load();
        Assert.That(
            ((string[])["One.One", "Two.Two", "Three.Three"]).Select(name => made.GetType(name)!.GetProperty("H")!.PropertyType.FullName),
            Is.EqualTo(new[] { "A.Handle", "B.Handle", "B.Handle" }));
    }

    [Test]
    public void Files_may_include_each_other()
    {
        Compiled compiled = StubCompiler.Compile([
            new("/a.x", "#include \"b.x\"\nenum kind { ONE = LAST }; typedef kind kinds; struct a { b *inner; kinds k; };", "A"),
            new("/b.x", "#include \"a.x\"\nconst LAST = 5; struct b { a *outer; }; union u switch (kinds k) { case ONE: a only; };", "B"),
        ]);
        Assert.That(compiled.Problems, Is.Empty);
        Assert.That(compiled.Load().GetType("B.U")!.GetProperty("Only")!.PropertyType.FullName, Is.EqualTo("A.A"));
    }

    [Test]
    public void Names_that_differ_in_C_differ_in_a_namespace_that_files_share()
    {
        Compiled compiled = StubCompiler.Compile([
            new("/types.x", "struct the_handle { int a; }; struct the_handleView { int b; };", "A"),
            new("/one.x", "#include \"types.x\"\nstruct TheHandle { the_handle a; the_handleView b; };", "A"),
        ]);
        Assert.That(compiled.Load().GetTypes().Select(type => type.Name), Does.Contain("TheHandle").And.Contain("TheHandleView").And.Contain("TheHandleViewValue").And.Contain("TheHandleValue").And.Contain("TheHandleValueView"));
    }

    [Test]
    public void A_constant_of_64_bits_is_compared_with_an_unsigned_hyper() => Run("""
        const EVERYTHING = 0xffffffffffffffff;
        const MOST = 0x7fffffffffffffff;
        const LEAST = -9223372036854775808;
        const HELLO = "a \"b\" \n";
        struct extent { unsigned hyper offset; hyper signed; };
        """, """
        Extent range = new() { Offset = ulong.MaxValue, Signed = LongConstant };
        Check(range.Offset == FileConstants.Everything && range.Offset > FileConstants.Most && range.Signed == FileConstants.Least);
        Check(FileConstants.Hello == "a \"b\" \\n");
        """, "private const long LongConstant = long.MinValue;");

    [Test]
    public void Procedures_keep_their_names_and_have_args() => Run("""
        struct READ3args { int a; };
        program P { version V {
            int READ(READ3args) = 6; int WRITE(int) = 7; int BOTH(int, READ3args) = 8; int NAMED(int XMLFile) = 9; int HELLO() = 10; int Match(int) = 11; } = 3; } = 0x20001016;
        """, """
        VClient client = null!;
        Func<READ3args, RpcCallOptions?, int> read = client is null ? (_, _) => 1 : client.Read;
        string names(string method) => string.Join(" ", typeof(VClient).GetMethods().Where(one => one.Name == method).SelectMany(one => one.GetParameters()).Select(one => one.Name));
        Check(names("Read") == "args options" && names("ReadAsync") == "args options cancellation" && names("Write") == "args options");
        Check(names("Both") == "arg1 arg2 options" && names("Named") == "xmlFile options" && names("Hello") == "options" && names("Match") == "args options");
        """);

    [Test]
    public void A_union_is_matched_arm_by_arm_and_says_what_is_missing() => Run("""
        enum status { OK = 0, FAILED = 5, GONE = 6, LATE = 7 };
        struct item { int number; };
        union result switch (status s) { case OK: item found; case FAILED: string why<64>; case GONE: void; };
        union open switch (int n) { case -1: void; case 3: int three; default: void; };
        union flag switch (bool b) { case TRUE: int some; case FALSE: void; };
        """, """
        string Say(Result result) => result.Match(found => $"{found.Number}", why => why, () => "gone");
        Check(Say(new() { S = Status.Ok, Found = new() { Number = 5 } }) == "5" && Say(new() { S = Status.Failed, Why = "no" }) == "no" && Say(new() { S = Status.Gone }) == "gone");
        Check(Throws(() => Say(new() { S = Status.Ok })) == "InvalidOperationException: Found of Result is not set, which S = Ok calls for");
        Check(Throws(() => Say(new() { S = Status.Late })) == "InvalidOperationException: Result has no arm for S = Late");
        Check(Throws(() => new Result { S = Status.Ok }.Write(new(new OutputBuffer()))) == "ArgumentException: Found of Result is not set, which S = Ok calls for");
        Check(new Open { N = 3, Three = 4 }.Match(() => 1, three => three, () => 2) == 4 && new Open { N = -1 }.Match(caseMinus1: () => 1, three => three, otherwise: () => 2) == 1);
        Check(new Flag { B = true, Some = 4 }.Match(some => some, whenFalse: () => 0) == 4);
        """);

    [Test]
    public void A_list_is_enumerated_and_records_are_compared_and_printed() => Run("""
        enum colour { RED, BLUE };
        struct entry { string name<255>; opaque id<8>; entry *next; };
        struct all { entry *entries; colour c; int numbers<4>; opaque sums[2]; double d; int *maybe; may_be_one others<2>; };
        typedef entry *may_be_one;
        union choice switch (colour c) { case RED: opaque data<100>; case BLUE: int number; };
        struct empty { };
        """, """
        Entry List(params string[] names) => names.Reverse().Aggregate((Entry?)null, (next, name) => new() { Name = name, Id = [1, 2], Next = next })!;
        Check(string.Concat(List("a", "b", "c").Select(one => one.Name)) == "abc");
        Check(List("a", "b").Equals(List("a", "b")) && List("a", "b") == List("a", "b") && List("a", "b").GetHashCode() == List("a", "b").GetHashCode());
        Check(List("a", "b") != List("a", "b", "c") && List("a", "b", "c") != List("a", "b") && List("a", "c") != List("a", "b"));
        Check(List("a", "\u0001\"\udce9").ToString() == "[Entry { Name = \"a\", Id = 0102 (2 bytes) }, Entry { Name = \"\\u0001\\\"\\udce9\", Id = 0102 (2 bytes) }]");
        Entry longer = List([.. Enumerable.Repeat("x", 100_000)]), same = List([.. Enumerable.Repeat("x", 100_000)]);
        Check(longer == same && longer.GetHashCode() == same.GetHashCode() && longer.ToString().EndsWith("…]"));

        All Make() => new() { Entries = List("a"), C = Colour.Blue, Numbers = [1, 2], Sums = [3, 4], D = double.NaN, Others = [null, List("b")] };
        Check(Make() == Make() && Make().GetHashCode() == Make().GetHashCode());
        Check(Make() != Make() with { Numbers = [1, 3] } && Make() != Make() with { Sums = [3, 5] } && Make() != Make() with { Others = [] } && Make() != Make() with { Maybe = 1 });
        Check(Make().ToString() == "All { Entries = [Entry { Name = \"a\", Id = 0102 (2 bytes) }], C = Blue, Numbers = [1, 2], Sums = 0304 (2 bytes), D = NaN, Maybe = null, Others = [null, [Entry { Name = \"b\", Id = 0102 (2 bytes) }]] }");
        Check(new Choice { C = Colour.Red, Data = [1] } == new Choice { C = Colour.Red, Data = [1], Number = 9 } && new Choice { C = Colour.Blue } != new Choice { C = Colour.Blue, Number = 9 });
        Check(new Choice { C = Colour.Red, Data = new byte[40] }.ToString() == $"Choice {{ C = Red, Data = {new string('0', 64)}… (40 bytes) }}" && new Choice { C = (Colour)9 }.ToString() == "Choice { C = 9 }");
        Check(new Empty() == new Empty() && new Empty().ToString() == "Empty { }");
        """);

    [Test]
    public void Strings_are_bytes_where_the_file_says_so() => Run("""
        struct entry { string name<255>; entry *next; };
        struct flat { string name<5>; };
        typedef string path<9>;
        program P { version V { path NAME(flat) = 1; string ANY(string) = 2; } = 1; } = 0x20001017;
        """, """
        Entry entry = new() { Name = [0x6c, 0xe9] };
        OutputBuffer output = new();
        entry.Write(new(output));
        XdrReader reader = new(output.Written);
        Check(Entry.Read(ref reader) == entry && reader.IsComplete && Convert.ToHexString(output.Written) == "000000026CE9000000000000");
        FlatView view = new Flat { Name = [0xff] };
        Check(view.Name.Length == 1 && Throws(() => new Flat { Name = new byte[6] }.Write(new(new OutputBuffer()))) == "ArgumentException: 6 bytes, where there may be at most 5");
        Func<VClient, byte[]> call = client => client.Any([0xff]);
        """, strings: "bytes");

    [Test]
    public void Names_of_RPC_s_headers_are_known() => Run("""
        union secinfo switch (unsigned int flavor) { case AUTH_NONE: void; case AUTH_SYS: int a; case RPCSEC_GSS: int b; };
        struct callback { authsys_parms who; opaque_auth cred; netobj object; des_block key; };
        """, """
        Callback callback = new() { Who = new() { AupMachname = "here", AupGids = [1, 2] }, Cred = new() { OaFlavor = 1 }, Object = [1], Key = new byte[8] };
        OutputBuffer output = new();
        callback.Write(new(output));
        XdrReader reader = new(output.Written);
        Check(Callback.Read(ref reader) == callback && reader.IsComplete && new Secinfo { Flavor = 6, B = 2 }.Match(() => 0, a => 1, b => b) == 2);
        """);

    [TestCase("// so\nnamespace wild { struct chosen { int a; }; }")]
    [TestCase("namespace a::b { namespace c { struct chosen { int a; }; }; }")]
    [TestCase("package wild; // goxdr\nstruct chosen { int a; };")]
    [TestCase("pragma header nlm4;\npragma public chosen;\nstruct chosen { int a; };")]
    [TestCase("struct chosen { hyper int a; unsigned hyper int b; short int c; long int d; };")]
    [TestCase("struct chosen { enum inner { A, B } a; struct { union switch (int v) { case 0: void; } ext; } b; struct { union switch (int v) { case 0: void; } ext; } c; };")]
    [TestCase("typedef struct chosen { int version; int program; } again;;")]
    [TestCase("struct chosen { blob a; };\ntypedef opaque blob<5>;\ntypedef opaque blob<5>;\nconst A = 1;\nconst A = 1;")]
    [TestCase("union chosen switch (char c) { case 'a': int a; case '\\n': case 'b': void; };")]
    [TestCase("struct xdr_text { string a<5>; }; struct argument_exception { int a; };\nunion chosen switch (int b) { case 1: argument_exception c; case 2: xdr_text xdr_text; };")]
    [TestCase("enum bits { A = 0x80000000, B = 0xffffffff };\nunion chosen switch (bits b) { case A: int a; case 0xffffffff: default: void; };")]
    [TestCase("struct stat { int a; };\nenum kind { OK };\nunion chosen switch (kind k) { case OK: int kind; default: stat stat; };")]
    [TestCase("struct chosen { int match; int clone; int equality_contract; int get_enumerator; int to_string_one; };")]
    [TestCase("struct func { int a; }; struct exception { int b; }; struct task { int c; }; struct string_builder { func f; };\nunion chosen switch (bool b) { case TRUE: func value; case FALSE: exception result; };")]
    [TestCase("struct chosen { u_int a; uint32_t b; u_int64_t c; quad_t d; bool_t e; longlong_t f; };")]
    [TestCase("program P { version V { string<20> A(string name<9>, unsigned) = 1; } = 1; } = 1;\nstruct chosen { int a; };", false)]
    [TestCase("program P { version V { struct chosen A(struct chosen *) = 0x1; chosen *B(string<9>) = (2); } = 1; } = 1;\nstruct chosen { int a; };")]
    public void Dialects_are_taken(string text, bool isTaken = true)
    {
        Compiled compiled = StubCompiler.Compile([new("/wild.x", text, "Wild")]);
        Assert.That(compiled.Problems.Any(one => one.Severity == DiagnosticSeverity.Error), Is.EqualTo(!isTaken));
        if (isTaken)
            Assert.That(compiled.Load().GetType("Wild.Chosen"), Is.Not.Null);
    }

    [Test]
    public void A_C_sharp_class_may_be_a_record_and_its_strings_bytes()
    {
        Compiled compiled = StubCompiler.Compile([], """
            using Multiplex.Rpc;
            using Multiplex.Rpc.Xdr;
            [XdrStruct] public sealed partial record Name { [XdrBytes, XdrMaxLength(9)] public byte[] Bytes { get; set; } = []; [XdrBytes, XdrMaxLength(2, Each = 3)] public byte[][] More { get; set; } = []; }
            [RpcProgram(1)] public partial interface INames { [Procedure(1)] Name Find([XdrBytes, XdrMaxLength(9)] byte[] like); }
            """);
        Assert.That(compiled.Problems, Is.Empty);
        Assert.That(compiled.Load().GetType("Name")!.GetMethod("Read"), Is.Not.Null);
        Assert.That(
            StubCompiler.Compile([], "using Multiplex.Rpc;\n[RpcProgram(1)] public partial interface IA { [Procedure(1)] void A([XdrBytes, XdrMaxLength(1)] int[] b); }").Problems.First().GetMessage(),
            Is.EqualTo("[XdrBytes] is for byte[] and byte[][] without [XdrFixed]"));
    }

    [Test]
    public void Another_kind_of_strings_is_refused() =>
        Assert.That(StubCompiler.Compile([new("/a.x", "struct a { int b; };", "A", Strings: "latin1")]).Problems.Single().GetMessage(), Is.EqualTo("'latin1' is no kind of strings: write bytes or text"));

    // Compiles a file, and runs statements on the generated types.
    private static void Run(string text, string statements, string members = "", string strings = "")
    {
        Compiled compiled = StubCompiler.Compile(
            [new("/file.x", text, "Made", Strings: strings)],
            $$"""
            using System;
            using System.Linq;
            using Multiplex;
            using Multiplex.Rpc;
            using Multiplex.Rpc.Client;
            using Multiplex.Rpc.Messages;
            using Multiplex.Rpc.Server;
            using Multiplex.Rpc.Xdr;
            using Made;
            public static class Statements
            {
                {{members}}
                public static void Run()
                {
                    {{statements}}
                }

                private static void Check(bool holds, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(holds))] string what = "")
                {
                    if (!holds)
                        throw new Exception(what);
                }

                private static string Throws(Action action)
                {
                    try
                    {
                        action();
                    }
                    catch (Exception e)
                    {
                        return $"{e.GetType().Name}: {e.Message}";
                    }

                    return "";
                }
            }
            """);
        Assert.That(compiled.Problems.Where(one => one.Severity > DiagnosticSeverity.Info), Is.Empty);
        Assert.That(compiled.Load().GetType("Statements")!.GetMethod("Run")!.CreateDelegate<Action>(), Throws.Nothing);
    }
}
