using System.Text;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>What the completions of the Debian package offer in the shells themselves.</summary>
[TestFixture("bash", "usr/share/bash-completion/completions/multiplex")]
[TestFixture("zsh", "usr/share/zsh/vendor-completions")]
public sealed partial class CompletionTests(string shell, string completions)
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    [OneTimeSetUp]
    public void Unpack()
    {
        ProgramRun.Successfully(Tools.Require("dpkg-deb"), ["--extract", Packages.Find($"multiplex_*_{Packages.Architecture}.deb"), _root.FullName]);
        Directory.CreateDirectory(Path.Combine(_root.FullName, "folder"));
        File.WriteAllText(Path.Combine(_root.FullName, "file.x"), "");
    }

    [OneTimeTearDown]
    public void RemoveFiles() => _root.Delete(recursive: true);

    [Test]
    public void Every_verb_is_offered() => Assert.That(Offered("multiplex ").Single().Where(word => word[0] != '-'), Is.EquivalentTo(HelpOfVerbs.Verbs));

    [Test]
    public void Every_option_of_every_verb_is_offered()
    {
        string[] verbs = HelpOfVerbs.Verbs;
        string[][] offered = Offered([.. verbs.Select(verb => $"multiplex {verb} --")]);
        Assert.Multiple(() =>
        {
            foreach ((string verb, string[] options) in verbs.Zip(offered))
                Assert.That(options.Where(option => option.StartsWith("--", StringComparison.Ordinal)), Is.EquivalentTo(HelpOfVerbs.OptionsOf(verb).Append("--help")), verb);
        });
    }

    // The command lists the valid values when it is given an invalid one.
    [TestCase("serve --listen unix:@a --model ", "")]
    [TestCase("serve --model poll --listen unix:@a --protocol ", "")]
    [TestCase("serve --model poll --listen unix:@a --reply-order ", "")]
    [TestCase("load unix:@a --protocol ", "")]
    [TestCase("load unix:@a --rate 1 --arrivals ", "")]
    [TestCase("load unix:@a --program 1/1 --auth ", "")]
    [TestCase("compare --protocol ", "")]
    [TestCase("compare --models ", "none")]
    [TestCase("compare --scenarios ", "")]
    [TestCase("call unix:@a null --auth ", "")]
    [TestCase("call unix:@a ", "")]
    [TestCase("call unix:@a --timeout 1s --auth=none ", "")]
    [TestCase("rpcbind --model ", "")]
    public void Every_name_that_an_option_takes_is_offered(string line, string beyond)
    {
        ProgramRun refused = ProgramRun.Multiplex([.. line.Split(' ')[..^1], "?"]);
        Assert.That(refused.Status, Is.EqualTo(2));
        string[] names = [.. Names().Match(refused.Errors.Single()).Groups[1].Value.Split(", "), .. beyond.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        Assert.That(Offered($"multiplex {line}").Single(), Is.EquivalentTo(names), refused.Errors.Single());
    }

    [Test]
    public void What_has_begun_is_finished_and_a_value_may_follow_its_option_after_a_sign()
    {
        string[][] offered = Offered(
            "multiplex ser", "multiplex serve --keep", "multiplex serve --model=ur", "multiplex serve --register --model po", "multiplex serve --listen u", "multiplex rpcgen --strings b");
        Assert.That(offered, Is.EqualTo((string[][])
        [
            ["serve"], ["--keepalive"], ["uring"], ["pool", "poll"], ["udp://", "unix:", "unixpacket:", "unixgram:"], ["bytes"],
        ]));
    }

    // bash replaces the whole word, zsh what follows the last comma.
    [Test]
    public void Of_names_with_commas_between_them_the_last_is_finished() =>
        Assert.That(Offered("multiplex compare --models fork,po").Single().Select(word => word.Replace("fork,", "")), Is.EqualTo(new[] { "pool", "poll" }));

    [Test]
    public void Files_are_offered_where_a_file_is_wanted()
    {
        string[][] offered = Offered(
            "multiplex serve --counters f", "multiplex rpcgen f", "multiplex load --send=f", "multiplex serve --listen unix:f", "multiplex compare --out f", "multiplex rpcgen -I f", "multiplex serve --workers f");
        Assert.That(offered.Select(words => string.Join(' ', words.Order(StringComparer.Ordinal))), Is.EqualTo((string[])
        [
            "file.x folder", "file.x folder", "file.x folder", "file.x folder", "folder", "folder", "",
        ]));
    }

    // What the shell offers at the end of each of these lines.
    private string[][] Offered(params string[] lines)
    {
        string script = Path.Combine(AppContext.BaseDirectory, "Packaging", $"complete.{shell}");
        string[] options = shell == "bash" ? ["--noprofile", "--norc"] : ["-f"];
        ProgramRun run = ProgramRun.Successfully(
            Tools.Require(shell), [.. options, script, Path.Combine(_root.FullName, completions)], Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n"), _root.FullName);
        string[][] offered = [.. Encoding.UTF8.GetString(run.Output).Split("END\n")[..^1].Select(words => words.Split('\n', StringSplitOptions.RemoveEmptyEntries))];
        Assert.That(offered, Has.Length.EqualTo(lines.Length), () => string.Join('\n', run.Lines.Concat(run.Errors)));
        return [.. offered.Select(words => words.Select(WithoutSign).Distinct().ToArray())];
    }

    // zsh marks a folder, and offers it as a folder and as a file.
    private static string WithoutSign(string word) => word.EndsWith("//", StringComparison.Ordinal) ? word : word.TrimEnd('/');

    [GeneratedRegex("write (.+)$")]
    private static partial Regex Names();
}
