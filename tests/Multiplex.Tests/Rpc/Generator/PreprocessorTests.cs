using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>The generator preprocesses .x files as cpp(1) does for rpcgen: conditionals, macros and included files.</summary>
public class PreprocessorTests
{
    // Each result is that of gcc's cpp.
    [TestCase("1", true)]
    [TestCase("0", false)]
    [TestCase("NOTHING", false)]
    [TestCase("LEVEL >= 2 && NEXT == 3", true)]
    [TestCase("NEXT * 2 == 6", false)]   // (2) + 1 * 2
    [TestCase("defined LEVEL && !defined(NOTHING)", true)]
    [TestCase("defined(EMPTY)", true)]
    [TestCase("ADD(2, 3) == 5", true)]
    [TestCase("ADD(ADD(1, 1), (2, 3)) == 5", true)]
    [TestCase("ADD == 0", true)]   // no call of the macro
    [TestCase("JOIN(1, 2) == 12", true)]
    [TestCase("SELF == 0", true)]
    [TestCase("ROUND == 0", true)]
    [TestCase("1 ? 0 : 1", false)]
    [TestCase("0 ? 0 : 1 ? 2 : 0", true)]
    [TestCase("2 - 1 - 1", false)]
    [TestCase("1 << 4 == 16", true)]
    [TestCase("(5 ^ 3) == 6 && (5 | 3) == 7 && (5 & 3) == 1", true)]
    [TestCase("~0 == -1 && +1 == 1 && !0", true)]
    [TestCase("7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1", true)]
    [TestCase("-1 > 0u", true)]
    [TestCase("-1 > 0", false)]
    [TestCase("0xffffffffffffffff > 0", true)]
    [TestCase("18446744073709551615U == -1", true)]
    [TestCase("0x7fffffffffffffff + 1 < 0", true)]
    [TestCase("-1 >> 63 == -1 && -1U >> 63 == 1", true)]
    [TestCase("10L == 012 + 2ul", false)]
    [TestCase("10L == 010 + 2ul", true)]
    [TestCase("0 && 1 / 0", false)]
    [TestCase("1 || 1 % 0", true)]
    [TestCase("'A' == 65 && '\\n' == 10 && '\\x41' == 65 && '\\101' == 65", true)]
    [TestCase("(1, 2) == 2", true)]
    [TestCase("OUTSIDE == 7 && FLAG && WORDS == 3", true)]
    public void Conditions_hold_as_in_C(string condition, bool holds)
    {
        const string Macros = """
            #define LEVEL (2)
            #define NEXT LEVEL + 1
            #define EMPTY
            #define ADD(a, b) ((a) + (b))
            #define JOIN(a, b) a ## b
            #define SELF SELF
            #define ROUND ABOUT
            #define ABOUT ROUND

            """;
        Assert.That(
            TypesOf($"{Macros}#if {condition} /* said */ // so\nstruct chosen {{ int a; }};\n#else\nstruct other {{ int a; }};\n#endif\n", "OUTSIDE=7;FLAG;WORDS=1 + 2"),
            Is.EqualTo(new[] { holds ? "chosen" : "other" }));
    }

    [Test]
    public void Of_nested_conditionals_one_branch_is_left_and_others_need_make_no_sense() => Assert.That(TypesOf("""
        #if 0
        # if 1
        don't (read */ this
        # elif wrong +
        # else
        #  error never
        # endif
        #elif defined(A)
        struct no { int a; };
        #elif 1
        # ifdef A
        struct never { int a; };
        # else /* not A */
        struct \
        yes { int a; };
        # endif A
        #elif 1 / 0
        struct late { int a; };
        #else
        struct other { int a; };
        #endif
        #define A
        #ifdef A // now
        struct then { int a; };
        #endif
        #undef A
        #ifndef A
        struct last { int a; };
        #endif
        """), Is.EqualTo(new[] { "yes", "then", "last" }));

    [Test]
    public void Macros_stand_for_words_also_over_lines_and_one_hides_within_itself() => Assert.That(Constants("""
        #define SIZE(of,
            more) \
          of
        """.Replace("of,\n    more", "of, more") + """

        #define TYPE struct
        #define BIG HUGE
        #define HUGE 64
        TYPE s { opaque data<SIZE(BIG,
            0)>; };
        const A = SIZE((HUGE), 1);
        #undef HUGE
        #define HUGE 65
        const B = BIG;
        const BIG_ONE = 1;
        const C = "BIG";
        """), Is.EqualTo(new[] { "A = 64", "B = 65", "BIG_ONE = 1", "C = BIG" }));

    [Test]
    public void Lines_for_C_are_its_own_but_for_numbers() => Assert.That(Constants("""
        %#include <stdio.h>
        %#define LIMIT (4 * UNIT)
        %#define UNIT 1024
        %#define CODE(x) do { \
        %    it("'); /* } while (0)
        %#define NAME "text"
        % don't look /* here
          %#define LATE 7
        const A = LIMIT;
        const B = LATE;
        """), Is.EqualTo(new[] { "A = 4096", "B = 7" }));

    [TestCase("A = 0xffffffffffffffff", "A = 18446744073709551615")]
    [TestCase("A = 18446744073709551615", "A = 18446744073709551615")]
    [TestCase("A = 01777777777777777777777", "A = 18446744073709551615")]
    [TestCase("A = -9223372036854775808", "A = -9223372036854775808")]
    [TestCase("A = (((5)))", "A = 5")]
    [TestCase("A = RPCSEC_GSS", "A = 6")]
    [TestCase("A = UINT64_MAX", "A = 18446744073709551615")]
    [TestCase("A = FROM_OUTSIDE", "A = 9")]
    public void Numbers_have_64_bits_and_the_names_of_headers(string constant, string value) =>
        Assert.That(Constants($"const {constant};", "FROM_OUTSIDE=9"), Is.EqualTo(new[] { value }));

    [Test]
    public void A_file_gives_its_macros_where_it_is_included_and_its_types_are_its_own()
    {
        XFile[] others =
        [
            new("/limits.x", "#ifndef LIMITS_X\n#define LIMITS_X\n#define MOST 5\nconst SHARED = MOST;\ntypedef opaque blob<MOST>;\n%#define FOR_C 6\n#endif\n", "Other"),
            new("/words.h", "#define LEAST 3\nstruct of_header { int a; };\n", "Other"),
            new("/deep/inner.x", "struct inner { int a; };", "Other"),
        ];
        const string Text = """
            #include "limits.x"
            #include "limits.x"
            #include "words.h"
            %#include "deep/inner.h"
            #include <rpc/types.h>
            const A = MOST;
            const B = SHARED;
            const C = LEAST;
            const D = FOR_C;
            struct s { blob b; of_header c; inner d; };
            """;
        Specification specification = Load(Text, "", others);
        Assert.That(Lines(specification), Is.EqualTo(new[] { "A = 5", "B = 5", "C = 3", "D = 6" }));
        Assert.That(specification.Types.Select(type => type.Name), Is.EqualTo(new[] { "of_header", "s" }));
        Assert.That(specification.Imports.SelectMany(import => import.Types).Select(type => type.Name).Distinct(), Is.EqualTo(new[] { "blob", "inner" }));
    }

    private static IEnumerable<string> TypesOf(string text, string defines = "") => Load(text, defines).Types.Select(type => type.Name);

    private static IEnumerable<string> Constants(string text, string defines = "") => Lines(Load(text, defines));

    private static IEnumerable<string> Lines(Specification specification) =>
        specification.Constants.Select(one => FormattableString.Invariant($"{one.Name} = {(object?)one.Text ?? one.Number!.Value}"));

    private static Specification Load(string text, string defines, params XFile[] others)
    {
        ProblemList problems = [];
        Specification? specification = new XFile("/folder/file.x", text, "Here", Defines: defines)
            .Load(name => others.FirstOrDefault(one => one.Path.EndsWith("/" + name, StringComparison.Ordinal)), problems);
        Assert.That(problems.Where(problem => problem.IsError), Is.Empty);
        return specification!;
    }
}
