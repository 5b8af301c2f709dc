using System.Reflection;
using Multiplex.Cli;

namespace Multiplex.Tests.Options;

/// <summary>Empty names of files and directories, after the options of every verb and beside them.</summary>
public sealed class EmptyNameTests
{
    // Each option, and each word beside the options, with what must stand before it.
    private static readonly (string Form, string Name, string[] Words)[] s_options =
        [.. from verb in Verbs.All from option in Verbs.OptionsOf(verb) select (Verbs.OptionOf(option.Property).MetaValue, $"--{option.Name}", Required(verb, option.Property))];

    private static readonly (string Form, string Name, string[] Words)[] s_words =
        [.. from verb in Verbs.All from value in Verbs.ValuesOf(verb) select (value.MetaName, value.MetaName, (string[])[Verbs.NameOf(verb), .. Enumerable.Repeat("x", value.Index)])];

    public static IEnumerable<TestCaseData> Options => from one in s_options where IsName(one.Form) select new TestCaseData(one.Name, one.Words);

    public static IEnumerable<TestCaseData> Words => from one in s_words where IsName(one.Form) select new TestCaseData(one.Name, one.Words);

    [TestCaseSource(nameof(Options))]
    public void After_an_option_it_is_wrong_usage(string option, string[] words)
    {
        Assert.That(Reported([.. words, option, ""]), Does.StartWith($"{option} is empty: write the name of a "));
        Assert.That(Reported([.. words, $"{option}="]), Does.StartWith($"{option} "));
    }

    [TestCaseSource(nameof(Words))]
    public void Beside_the_options_it_is_wrong_usage(string name, string[] words) =>
        Assert.That(Reported([.. words, ""]), Does.StartWith($"{name} is empty: write the name of a "));

    [Test]
    public void A_list_of_names_has_no_empty_one() =>
        Assert.That(Reported(["load", "--merge", "a.hlog", ""]), Does.StartWith("--merge is empty"));

    private static bool IsName(string form) => form.Contains("FILE") || form == "DIR";

    private static string[] Required(Type verb, PropertyInfo except) =>
    [
        Verbs.NameOf(verb), .. Verbs.ValuesOf(verb).Where(value => value.Required).Select(_ => "x"),
        .. Verbs.OptionsOf(verb).Where(option => Verbs.OptionOf(option.Property).Required && option.Property != except).SelectMany(option => (string[])[$"--{option.Name}", "x"]),
    ];

    private static string Reported(string[] words)
    {
        List<string> reported = [];
        int status = Command.Run(words, _ => throw new AssertionException("it runs"), reported.Add);
        Assert.That((status, reported.Count), Is.EqualTo((2, 1)));
        return reported[0];
    }
}
