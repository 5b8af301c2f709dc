using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>The Debian package, unpacked into a folder as dpkg unpacks it into /.</summary>
public sealed partial class DebianPackageTests
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();
    private string _package = "";

    [OneTimeSetUp]
    public void Unpack()
    {
        _package = Packages.Find($"multiplex_*_{Packages.Architecture}.deb");
        ProgramRun.Successfully(Tools.Require("dpkg-deb"), ["--extract", _package, _root.FullName]);
    }

    [OneTimeTearDown]
    public void RemoveFiles() => _root.Delete(recursive: true);

    [Test]
    public void It_has_the_command_its_pages_and_its_completions_and_says_what_it_needs()
    {
        string dpkg = Tools.Require("dpkg-deb");
        Dictionary<string, string> fields = ProgramRun.Successfully(dpkg, ["--field", _package]).Lines
            .Where(line => line[0] != ' ').Select(line => line.Split(": ", 2)).ToDictionary(field => field[0], field => field[1]);
        Assert.Multiple(() =>
        {
            Assert.That(Path.GetFileName(_package), Is.EqualTo($"multiplex_{Packages.Version}_{Packages.Architecture}.deb"));
            Assert.That(fields["Architecture"], Is.EqualTo(Packages.Architecture));
            Assert.That(fields["Package"], Is.EqualTo("multiplex"));
            Assert.That(fields["Version"], Is.EqualTo(Packages.Version));
            Assert.That(fields["Depends"], Does.Match(@"^libc6 \(>= 2\.\d+\)$"));
            Assert.That(fields.Keys, Is.SupersetOf(new[] { "Maintainer", "Description", "Section", "Installed-Size" }));
        });
        string[] pages = [.. HelpOfVerbs.Verbs.Select(verb => $"usr/share/man/man1/multiplex-{verb}.1.gz")];
        Assert.That(_root.EnumerateFiles("*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_root.FullName, file.FullName)), Is.EquivalentTo((string[])
        [
            "usr/bin/multiplex", "usr/share/man/man1/multiplex.1.gz", .. pages,
            "usr/share/bash-completion/completions/multiplex", "usr/share/zsh/vendor-completions/_multiplex",
            "usr/lib/systemd/system/multiplex.service", "usr/lib/systemd/system/multiplex.socket",
            "usr/share/multiplex/multiplex-dashboard.json", "usr/share/multiplex/multiplex-alerts.yml", "usr/share/lintian/overrides/multiplex", "usr/share/doc/multiplex/copyright", "usr/share/doc/multiplex/changelog.gz",
        ]));
    }

    [Test]
    public void The_package_for_many_machines_has_the_other_binary_alone_and_needs_this_one()
    {
        string package = Packages.Find($"multiplex-fleet_*_{Packages.Architecture}.deb"), dpkg = Tools.Require("dpkg-deb");
        Assert.That(ProgramRun.Successfully(dpkg, ["--field", package, "Depends"]).Lines.Single(), Does.Match($@"^libc6 \(>= 2\.\d+\), multiplex \(= {Regex.Escape(Packages.Version)}\)$"));
        string[] files = [.. ProgramRun.Successfully(dpkg, ["--contents", package]).Lines.Where(line => line[0] == '-').Select(line => line.Split("./")[^1])];
        Assert.That(files, Is.EquivalentTo((string[])
        [
            "usr/bin/multiplex-fleet", "usr/share/doc/multiplex-fleet/copyright", "usr/share/doc/multiplex-fleet/changelog.gz", "usr/share/lintian/overrides/multiplex-fleet",
        ]));
    }

    [Test]
    public void The_command_in_it_serves_with_a_process_for_each_connection() => PackagedCommand.AssertServes(In("usr/bin/multiplex"));

    [Test]
    public void The_same_files_make_the_same_package()
    {
        DirectoryInfo unpacked = Directory.CreateTempSubdirectory();
        try
        {
            ProgramRun.Successfully(Tools.Require("dpkg-deb"), ["--extract", _package, unpacked.FullName]);
            string command = Path.Combine(unpacked.FullName, "usr/bin/multiplex"), share = Path.Combine(unpacked.FullName, "usr/share"), again = Path.Combine(unpacked.FullName, "again");
            foreach (string page in Directory.GetFiles(Path.Combine(share, "man/man1")))
                File.WriteAllText(Path.ChangeExtension(page, null), Unzipped(page));
            ProgramRun.Successfully(
                Tools.Require("env"),
                [
                    $"SOURCE_DATE_EPOCH={new DateTimeOffset(File.GetLastWriteTimeUtc(command)).ToUnixTimeSeconds()}", Path.Combine(Repository.Root, "src/packaging/deb.sh"),
                    command, share, Packages.Version, Packages.Architecture, again,
                ]);
            Assert.That(File.ReadAllBytes(Directory.GetFiles(again).Single()).AsSpan().SequenceEqual(File.ReadAllBytes(_package)), Is.True);
        }
        finally
        {
            unpacked.Delete(recursive: true);
        }
    }

    [TestCaseSource(typeof(HelpOfVerbs), nameof(HelpOfVerbs.Verbs))]
    public void The_page_of_a_verb_has_the_sections_of_a_man_page_and_every_option(string verb)
    {
        string[] page = Page($"multiplex-{verb}"), options = HelpOfVerbs.OptionsOf(verb);
        List<string> sections = [.. page.Where(line => line.Length > 0 && char.IsAsciiLetterUpper(line[0]))];
        string[] wanted = verb switch
        {
            "serve" => ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENDPOINTS", "EXIT STATUS", "SIGNALS", "EXAMPLES", "SEE ALSO"],
            _ when options.Length > 0 => ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"],
            _ => ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"],
        };
        Assert.That(sections.Where(wanted.Contains), Is.EqualTo(wanted));
        IEnumerable<string> entries = page.SkipWhile(line => line != "OPTIONS").Skip(1).TakeWhile(line => line.Length == 0 || line[0] == ' ');
        Assert.That(entries.Select(line => Entry().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value), Is.EqualTo(options));
    }

    [Test]
    public void The_page_of_the_command_leads_to_those_of_its_verbs() =>
        Assert.That(
            Page("multiplex").Select(line => line.Trim()).Where(line => line.StartsWith("multiplex-", StringComparison.Ordinal)),
            Is.EqualTo(HelpOfVerbs.Verbs.Select(verb => $"multiplex-{verb}(1)")));

    [Test]
    public void Neither_man_nor_mandoc_finds_anything_wrong_with_a_page([Values("man", "mandoc")] string program)
    {
        string checker = Tools.Require(program);
        Assert.Multiple(() =>
        {
            foreach (string page in Directory.GetFiles(In("usr/share/man/man1"), "*.gz"))
            {
                ProgramRun run = ProgramRun.Of(checker, program == "man" ? ["--warnings", "--encoding=UTF-8", "--local-file", page] : ["-T", "lint", "-W", "warning"], Encoding.UTF8.GetBytes(Unzipped(page)));
                Assert.That(run.Errors.Concat(program == "mandoc" ? run.Lines : []), Is.Empty, page);
            }
        });
    }

    // As plain text, without the overstriking of bold letters.
    private string[] Page(string name)
    {
        string roff = Unzipped(In($"usr/share/man/man1/{name}.1.gz"));
        string text = Encoding.UTF8.GetString(ProgramRun.Successfully(Tools.Require("mandoc"), ["-T", "ascii", "-O", "width=200"], Encoding.UTF8.GetBytes(roff)).Output);
        return Overstrike().Replace(text, "").Split('\n');
    }

    private static string Unzipped(string file)
    {
        using StreamReader reader = new(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        return reader.ReadToEnd();
    }

    private string In(string name) => Path.Combine(_root.FullName, name);

    [GeneratedRegex(".\b")]
    private static partial Regex Overstrike();

    // What an option does is indented further.
    [GeneratedRegex("^ {7}(?:-[A-Za-z], )?(--[a-z-]+)")]
    private static partial Regex Entry();
}
