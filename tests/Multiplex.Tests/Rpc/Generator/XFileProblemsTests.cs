using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>A mistake in a .x file is reported with its line and the correction.</summary>
public class XFileProblemsTests
{
    [TestCase("struct a {\n    int b\n};", 3, "expected ';' after a member, found '}'")]
    [TestCase("struct a {\n    int b;\n}", 3, "expected ';' after a definition, found the end of the file")]
    [TestCase("const A 5;", 1, "expected '=' after the name of a constant, found '5'")]
    [TestCase("int a;", 1, "expected a definition: const, enum, struct, union, typedef or program, found 'int'")]
    [TestCase("typedef string a[5];", 1, "expected '<' after the name of a string, found '['")]
    [TestCase("typedef quadruple a;", 1, "quadruple is not supported: C# has no such type; write opaque name[16]")]
    [TestCase("struct a { int int; };", 1, "expected the name of a member, found 'int'")]
    [TestCase("\n@\n", 2, "expected a definition: const, enum, struct, union, typedef or program, found '@'")]
    [TestCase("const A = 0x1G;", 1, "'0x1G' is no number: write it in decimal, 0x hexadecimal or 0 octal, of at most 64 bits")]
    [TestCase("const A = 18446744073709551616;", 1, "'18446744073709551616' is no number: write it in decimal, 0x hexadecimal or 0 octal, of at most 64 bits")]
    [TestCase("struct a {\n    string b<\"5>;\n};", 2, "a string is not closed by '\"' on its line")]
    [TestCase("#define A(b\n", 1, "the parameters of #define A are not closed by ')'")]
    [TestCase("#define A(b) b\nconst C = A(1;", 2, "the arguments of A are not closed by ')'")]
    [TestCase("#if 1 / 0\n#endif", 1, "the expression cannot be understood: a division by 0")]
    [TestCase("#if 1\n#else\n#error no\n#endif\n#error yes", 5, "#error yes")]
    [TestCase("union a switch (int b) { };", 1, "expected 'case' or 'default', for an arm of a union, found '}'")]
    [TestCase("/* never closed", 1, "a comment is not closed by '*/'")]
    [TestCase("#ifdef A\nconst B = 1;\n", 3, "an #if is not closed by #endif")]
    [TestCase("const B = 1;\n#endif\n", 2, "#endif stands without an #if")]
    [TestCase("#if A +\n#endif", 1, "the expression cannot be understood: it ends too early")]
    [TestCase("union a switch (int b) { int c; };", 1, "expected 'case' or 'default', for an arm of a union, found 'int'")]
    public void What_breaks_the_grammar(string text, int line, string message) => Expect(text, "MXRPC001", line, message);

    [TestCase("struct a {\n    nothing b;\n};", 2, "there is no type 'nothing': define it, or #include the file that does")]
    [TestCase("typedef opaque a<MOST>;", 1, "there is no constant 'MOST': define it by const, or write a number")]
    [TestCase("const A = B;\nconst B = A;", 1, "there is no constant 'B': define it by const, or write a number")]
    [TestCase("enum a { ONE = 1 };\nunion b switch (a c) {\ncase 2: int d;\n};", 3, "'2' is no value of 'c'")]
    [TestCase("#include \"other.x\"", 1, "'other.x' is not among the files: give it as AdditionalFiles, or put it beside this one")]
    public void What_is_not_there(string text, int line, string message) => Expect(text, "MXRPC002", line, message);

    [TestCase("struct a { int b; };\nstruct a { int b; };", 2, "the type 'a' stands twice in this file")]
    [TestCase("struct a {\n    int b;\n    int b;\n};", 3, "the member 'b' stands twice in struct a")]
    [TestCase("const A = 1;\nconst A = 2;", 2, "the constant 'A' stands twice in this file")]
    [TestCase("typedef int a<5>;\ntypedef int a<6>;", 2, "the type 'a' stands twice in this file")]
    [TestCase("enum a { A };\nenum b { A };", 2, "the value 'A' stands twice in the enums of this file")]
    [TestCase("const A = 1;\nenum b { A };", 2, "'A' is a constant and a value of an enum: give one another name")]
    [TestCase("struct a { int b; };\ntypedef int a;", 2, "the type 'a' stands twice in this file")]
    [TestCase("union a switch (int b) {\ncase 1: int c;\ncase 2: int c;\n};", 3, "the member 'c' stands twice in union a")]
    [TestCase("program P { version V {\nvoid A(void) = 1;\nvoid A(int) = 2;\n} = 1; } = 1;", 3, "the procedure 'A' stands twice in version V")]
    [TestCase("program P {\nversion V { void A(void) = 1; } = 1;\nversion V { void A(void) = 1; } = 2; } = 1;", 3, "the version 'V' stands twice in program P")]
    [TestCase("union a switch (int b) {\ncase 1: int c;\ncase 0x1: int d;\n};", 3, "the case 1 stands twice in union a: 1 and 0x1")]
    [TestCase("union a switch (int b) {\ndefault: int c;\ndefault: int d;\n};", 3, "union a has two default arms")]
    [TestCase("program P { version V {\nvoid A(void) = 1;\nvoid B(void) = 1;\n} = 1; } = 1;", 3, "the procedure number 1 stands twice in version V: A and B")]
    [TestCase("program P {\nversion V { void A(void) = 1; } = 1;\nversion W { void A(void) = 1; } = 1; } = 1;", 3, "the version number 1 stands twice in program P: V and W")]
    [TestCase("program P { version V { void A(void) = 1; } = 1; } = 1;\nprogram Q { version V { void A(void) = 1; } = 1; } = 1;", 2, "the program number 1 stands twice in this file: P and Q")]
    public void What_stands_twice(string text, int line, string message) => Expect(text, "MXRPC003", line, message);

    [TestCase("struct a {\n    int b;\n    a c;\n};", 1, "'a' always holds another a, without end: use a pointer")]
    [TestCase("typedef a b;\ntypedef b a;", 2, "'a' is a typedef of itself")]
    [TestCase("union a switch (hyper b) { default: void; };", 1, "'b' must be an int, unsigned int, bool or enum to discriminate")]
    [TestCase("typedef int a[-1];", 1, "-1 = -1 is no length")]
    [TestCase("program P { version V { void A(void) = 1; } = 1; } = 0x100000000;", 1, "program P = 0x100000000 is no unsigned 32-bit number")]
    [TestCase("enum a { A = 3000000000 };", 1, "A = 3000000000 is no 32-bit integer")]
    [TestCase("union a switch (string b<4>) { default: void; };", 1, "'b' must be an int, unsigned int, bool or enum to discriminate")]
    [TestCase("typedef opaque a<0x100000000>;", 1, "0x100000000 = 4294967296 is no length")]
    [TestCase("program P { version V {\nvoid A(void) = -1;\n} = 1; } = 1;", 2, "procedure A = -1 is no unsigned 32-bit number")]
    public void What_cannot_be_expressed(string text, int line, string message) => Expect(text, "MXRPC004", line, message);

    [TestCase("struct a {\n    string b<>;\n};", 2, "'b' may be as long as it likes: give it a bound")]
    [TestCase("typedef opaque a<>;", 1, "'a' may be as long as it likes: give it a bound")]
    [TestCase("typedef int a<>;", 1, "'a' may be as long as it likes: give it a bound")]
    [TestCase("union a switch (int b) {\ncase 1: opaque c<>;\n};", 2, "'c' may be as long as it likes: give it a bound")]
    [TestCase("program P { version V {\nstring A(void) = 1;\n} = 1; } = 1;", 2, "the result of A may be as long as it likes: give it a bound")]
    [TestCase("program P { version V {\nvoid A(string) = 1;\n} = 1; } = 1;", 2, "'args' may be as long as it likes: give it a bound")]
    public void What_only_the_record_bounds_is_reported_for_information(string text, int line, string message) => Expect(text, "MXRPC005", line, message, DiagnosticSeverity.Info);

    [Test]
    public void All_mistakes_are_reported_each_once_and_nothing_that_follows_from_them()
    {
        const string Text = """
            struct s { gone1 a; int; gone2 b; };
            struct broken [ int b; };
            typedef string also_broken[5];
            enum e { A = 1 2, B = gone3 };
            union u switch (e what) {
            case A:
                broken known;
                int;
            case B:
                gone4 d;
            };
            const C = 0x1G;
            typedef opaque bytes<C>;
            program P {
                version V {
                    void F(gone5) = 1;
                    void G(int = 2;
                    void H(broken) = gone6;
                } = 1;
            } = 0x20000001;
            typedef struct { int open;

            struct t { gone7 a; };
            struct t { int a; };
            #if 1 +
            #endif
            const LAST 5;
            """;
        Assert.That(Problems(Text), Is.EqualTo(new[]
        {
            "1 expected the name of a member, found ';'",
            "1 there is no type 'gone1': define it, or #include the file that does",
            "1 there is no type 'gone2': define it, or #include the file that does",
            "2 expected '{' before the members of a struct, found '['",
            "3 expected '<' after the name of a string, found '['",
            "4 expected '}' or ',' after a value of an enum, found '2'",
            "4 there is no constant 'gone3': define it by const, or write a number",
            "8 expected 'case' or 'default', for an arm of a union, found 'int'",
            "10 there is no type 'gone4': define it, or #include the file that does",
            "12 '0x1G' is no number: write it in decimal, 0x hexadecimal or 0 octal, of at most 64 bits",
            "16 there is no type 'gone5': define it, or #include the file that does",
            "17 expected ')' or ',' after an argument, found '='",
            "18 there is no constant 'gone6': define it by const, or write a number",
            "23 expected '}' before a definition, found 'struct'",
            "23 there is no type 'gone7': define it, or #include the file that does",
            "24 the type 't' stands twice in this file",
            "25 the expression cannot be understood: it ends too early",
            "27 expected '=' after the name of a constant, found '5'",
        }));
    }

    [Test]
    public void What_is_wrong_in_an_included_file_is_reported_there_and_once()
    {
        XFile[] files =
        [
            new("/one.x", "#include \"types.x\"\nstruct one { handle h; gone1 g; };", "Wrong"),
            new("/two.x", "#include \"types.x\"\nstruct two { handle h; };", "Wrong"),
            new("/types.x", "struct handle { gone2 g; int 5; };", "Wrong"),
        ];
        Assert.That(StubCompiler.Compile(files).Problems.Select(one => $"{one.Location.GetLineSpan().Path} {one.GetMessage().Split(':')[0]}"), Is.EquivalentTo(new[]
        {
            "/one.x there is no type 'gone1'",
            "/types.x there is no type 'gone2'",
            "/types.x expected the name of a member, found '5'",
        }));
    }

    private static IEnumerable<string> Problems(string text) => StubCompiler.Compile([new("/wrong.x", text, "Wrong")]).Problems
        .Select(one => (Line: one.Location.GetLineSpan().StartLinePosition.Line + 1, Message: one.GetMessage()))
        .OrderBy(one => one.Line)
        .ThenBy(one => one.Message, StringComparer.Ordinal)
        .Select(one => $"{one.Line} {one.Message}");

    [Test]
    public void A_procedure_that_is_said_to_be_idempotent_must_be_there()
    {
        XFile file = new("/p.x", "program P { version V { void A(void) = 1; } = 1; } = 1;", "P", "A B");
        Compiled compiled = StubCompiler.Compile([file]);
        Assert.That(compiled.Problems.Single().GetMessage(), Is.EqualTo("there is no procedure 'B' to be idempotent: write names of this file's procedures, or *"));
    }

    private static void Expect(string text, string id, int line, string message, DiagnosticSeverity severity = DiagnosticSeverity.Error)
    {
        Compiled compiled = StubCompiler.Compile([new("/folder/wrong.x", text, "Wrong")]);
        Diagnostic found = compiled.Problems.First();
        FileLinePositionSpan place = found.Location.GetLineSpan();
        Assert.That(found.GetMessage(), Is.EqualTo(message));
        Assert.That(found.Id, Is.EqualTo(id));
        Assert.That(found.Severity, Is.EqualTo(severity));
        Assert.That((place.Path, place.StartLinePosition.Line + 1), Is.EqualTo(("/folder/wrong.x", line)));
        Assert.That(compiled.Result.GeneratedTrees, severity == DiagnosticSeverity.Error ? Is.Empty : Has.Length.EqualTo(1));
    }
}
