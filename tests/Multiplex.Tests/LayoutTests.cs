using System.Text.RegularExpressions;

namespace Multiplex.Tests;

/// <summary>
/// A folder is one idea, and so is a file. <c>native-interop/</c> is not measured: it has one file for each C header, however many those are.
/// </summary>
public partial class LayoutTests
{
    private const int MostFiles = 16, MostLines = 450;

    private static IEnumerable<string> Trees() => ["src", "tests", "bench"];

    [TestCaseSource(nameof(Trees))]
    public void No_folder_has_more_than_sixteen_source_files(string tree) =>
        Assert.That(
            Sources(tree).GroupBy(file => Path.GetDirectoryName(file)!).Where(folder => folder.Count() > MostFiles).Select(folder => $"{folder.Key}: {folder.Count()} files"),
            Is.Empty);

    [TestCaseSource(nameof(Trees))]
    public void No_source_file_has_more_than_450_lines(string tree) =>
        Assert.That(
            Sources(tree).Select(file => (file, Lines: File.ReadLines(Path.Combine(Repository.Root, file)).Count())).Where(file => file.Lines > MostLines),
            Is.Empty);

    [TestCaseSource(nameof(Trees))]
    public void No_class_has_more_than_450_lines_in_all_its_files_together(string tree) =>
        Assert.That(
            Sources(tree).SelectMany(Parts).GroupBy(part => part.Type).Select(type => (type.Key, Lines: type.Sum(part => part.Lines))).Where(type => type.Lines > MostLines),
            Is.Empty);

    [Test]
    public void The_parts_of_a_class_are_found()
    {
        string[] traces = [.. Sources("src").SelectMany(Parts).Select(part => part.Type).Where(type => type == "Multiplex.Tour.Tracing.Trace")];
        Assert.That(traces, Has.Length.EqualTo(2), "a class in two files");
    }

    // The partial types of a file, and how many lines each has there: from its declaration to the brace at the start of a line that closes it.
    private static IEnumerable<(string Type, int Lines)> Parts(string file)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, file));
        string space = lines.Select(line => NamespaceLine().Match(line)).FirstOrDefault(match => match.Success)?.Groups["name"].Value ?? "";
        for (int i = 0; i < lines.Length; i++)
        {
            if (PartialType().Match(lines[i]) is { Success: true } match)
                yield return ($"{space}.{match.Groups["name"].Value}", Math.Max(1, Array.IndexOf(lines, "}", i) - i + 1));
        }
    }

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);")]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^(?!\s|//).*\bpartial (?:class|interface|struct|record(?: class| struct)?) (?<name>\w+)")]
    private static partial Regex PartialType();

    // Without what a build leaves in obj/ and bin/.
    private static string[] Sources(string tree)
    {
        string[] files =
        [
            .. Directory.EnumerateFiles(Path.Combine(Repository.Root, tree), "*.cs", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(Repository.Root, file))
                .Where(file => !file.Split('/').Any(part => part is "obj" or "bin")),
        ];
        Assert.That(files, Is.Not.Empty);
        return files;
    }
}
