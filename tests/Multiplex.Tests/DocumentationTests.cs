using System.Text.RegularExpressions;
using Multiplex.Tour;
using Multiplex.Tour.Lessons;

namespace Multiplex.Tests;

/// <summary>README and docs/ link to files that exist.</summary>
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

    [Test]
    public void The_lecture_links_every_lesson_and_each_idea_to_a_lesson_code_and_a_test()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs/lecture.md"));
        string[] files = [.. Directory.GetFiles(Path.Combine(Repository.Root, "src/Multiplex.Tour/Lessons"), "Lesson*.cs").Select(path => $"({Path.GetRelativePath(Path.Combine(Repository.Root, "docs"), path)})")];
        Assert.That(files, Has.Length.EqualTo(AllLessons.InOrder.Count));
        Assert.That(files.Where(file => !page.Contains(file, StringComparison.Ordinal)), Is.Empty);
        foreach (Lesson lesson in AllLessons.InOrder)
            Assert.That(page, Does.Contain($"| `{lesson.Name}` | {lesson.Title} |"));

        string[][] ideas = [.. page[page.IndexOf("## Each idea", StringComparison.Ordinal)..].Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && line.Contains("](", StringComparison.Ordinal)).Select(line => line.Split(" | "))];
        Assert.That(ideas, Is.Not.Empty);
        Assert.That(ideas.Select(idea => idea.Length), Is.All.EqualTo(4));
        Assert.That(ideas.Select(idea => idea[1]), Is.All.Contains("](../src/Multiplex.Tour/Lessons/"));
        Assert.That(ideas.Select(idea => idea[2]), Is.All.Contains("]("));
        Assert.That(ideas.Select(idea => idea[3]), Is.All.Contains("](../tests/"));
    }

    /// <summary>The path of a request, as architecture.md lists it: no longer than it may be, and each step is a method of the file that it links to.</summary>
    [TestCase("echo", 24, 8)]
    [TestCase("rpc", 17, 6)]
    public void Every_step_of_a_path_is_a_method_of_the_file_it_links_to(string name, int mostCalls, int mostFiles)
    {
        string page = Path.Combine(Repository.Root, "docs", "architecture.md"), text = File.ReadAllText(page);
        int start = text.IndexOf($"<!-- path: {name} -->", StringComparison.Ordinal);
        string list = text[start..text.IndexOf("<!-- end -->", start, StringComparison.Ordinal)];
        Match[] steps = [.. Step().Matches(list).Cast<Match>()];
        Assert.That(steps, Has.Length.InRange(1, mostCalls));
        Assert.That(steps.Select(step => step.Groups["file"].Value).Distinct().Count(), Is.LessThanOrEqualTo(mostFiles));
        foreach (Match step in steps)
        {
            string type = step.Groups["type"].Value, file = Path.Combine(Repository.Root, "docs", step.Groups["file"].Value);
            Assert.That(Path.GetFileNameWithoutExtension(file), Is.EqualTo(type));
            Assert.That(File.ReadAllText(file), Does.Match($@"(public|private|internal|protected) [^=;(]*\b{step.Groups["method"].Value}\("), $"{type} has the method");
        }
    }

    // 1. [`Type.Method`](file)
    [GeneratedRegex(@"^\d+\. \[`(?<type>\w+)\.(?<method>\w+)`\]\((?<file>[^)]+)\)", RegexOptions.Multiline)]
    private static partial Regex Step();

    // The target of [text](target#anchor), without the anchor.
    [GeneratedRegex(@"\]\((?<target>[^)#\s]+)(#[^)\s]*)?\)")]
    private static partial Regex Link();
}
