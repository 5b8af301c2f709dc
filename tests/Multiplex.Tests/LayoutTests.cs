namespace Multiplex.Tests;

/// <summary>
/// A folder is one idea, and so is a file. <c>native-interop/</c> is not measured: it has one file for each C header, however many those are.
/// </summary>
public class LayoutTests
{
    private const int MostFiles = 16, MostLines = 450;

    private static IEnumerable<string> Trees() => ["src", "tests", "bench"];

    [TestCaseSource(nameof(Trees))]
    public void No_folder_has_more_than_sixteen_source_files(string tree) =>
        Assert.That(
            Sources(tree).GroupBy(file => Path.GetDirectoryName(file)!).Where(folder => folder.Count() > MostFiles).Select(folder => $"{folder.Key}: {folder.Count()} files"),
            Is.Empty);

    [TestCaseSource(nameof(Trees))]
    public void No_source_file_and_so_no_class_has_more_than_450_lines(string tree) =>
        Assert.That(
            Sources(tree).Select(file => (file, Lines: File.ReadLines(Path.Combine(Repository.Root, file)).Count())).Where(file => file.Lines > MostLines),
            Is.Empty);

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
