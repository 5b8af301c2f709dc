using System.Text.RegularExpressions;

namespace Multiplex.Tests;

/// <summary>README and docs/ point at files that exist.</summary>
public partial class DocumentationTests
{
    private static readonly string s_root = Root();

    private static IEnumerable<string> Pages() =>
        Directory.GetFiles(Path.Combine(s_root, "docs"), "*.md").Select(path => Path.GetRelativePath(s_root, path)).Append("README.md").Append("bench/README.md");

    [TestCaseSource(nameof(Pages))]
    public void Every_relative_link_leads_to_a_file(string page)
    {
        string path = Path.Combine(s_root, page);
        string[] targets = [.. Link().Matches(File.ReadAllText(path)).Select(match => match.Groups["target"].Value).Where(target => !target.Contains("://", StringComparison.Ordinal))];
        Assert.That(targets.Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, target))), Is.Empty);
    }

    [Test]
    public void Readme_links_to_every_page_of_docs()
    {
        string readme = File.ReadAllText(Path.Combine(s_root, "README.md"));
        Assert.That(Pages().Where(page => page.StartsWith("docs/", StringComparison.Ordinal) && !readme.Contains($"({page})", StringComparison.Ordinal)), Is.Empty);
    }

    // The target of [text](target#anchor), without the anchor.
    [GeneratedRegex(@"\]\((?<target>[^)#\s]+)(#[^)\s]*)?\)")]
    private static partial Regex Link();

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Multiplex.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("the tests do not run within the repository");
    }
}
