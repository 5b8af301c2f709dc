using System.Text.RegularExpressions;

namespace Multiplex.Tests;

/// <summary>README and docs/ point at files that exist.</summary>
public partial class DocumentationTests
{
    private static IEnumerable<string> Pages() =>
        Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(path => Path.GetRelativePath(Repository.Root, path)).Append("README.md").Append("bench/README.md");

    [TestCaseSource(nameof(Pages))]
    public void Every_relative_link_leads_to_a_file(string page)
    {
        string path = Path.Combine(Repository.Root, page);
        string[] targets = [.. Link().Matches(File.ReadAllText(path)).Select(match => match.Groups["target"].Value).Where(target => !target.Contains("://", StringComparison.Ordinal))];
        Assert.That(targets.Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, target))), Is.Empty);
    }

    [Test]
    public void Readme_links_to_every_page_of_docs()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        Assert.That(Pages().Where(page => page.StartsWith("docs/", StringComparison.Ordinal) && !readme.Contains($"({page})", StringComparison.Ordinal)), Is.Empty);
    }

    // The target of [text](target#anchor), without the anchor.
    [GeneratedRegex(@"\]\((?<target>[^)#\s]+)(#[^)\s]*)?\)")]
    private static partial Regex Link();
}
