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

    /// <summary>
    /// The path of a request, as architecture.md lists it: no longer than it may be, each step is a method of the file that it links to, and is called by the step before it or, where that one has
    /// returned, by a step further up.
    /// </summary>
    /// <param name="name">The path.</param>
    /// <param name="mostCalls">How many calls it may have.</param>
    /// <param name="mostFiles">In how many files.</param>
    /// <param name="callers">The methods that are running when it begins, from the outermost on.</param>
    [TestCase("echo", 24, 8, "src/Multiplex.Core/Engine/EventLoop.cs Turn", "src/Multiplex.Core/Multiplexers/PollMultiplexer.cs Wait")]
    [TestCase("rpc", 17, 6, "src/Multiplex/Engine/RequestReader.cs Consume")]
    public void Every_step_of_a_path_is_a_method_that_a_step_before_it_calls(string name, int mostCalls, int mostFiles, params string[] callers)
    {
        string page = Path.Combine(Repository.Root, "docs", "architecture.md"), text = File.ReadAllText(page);
        int start = text.IndexOf($"<!-- path: {name} -->", StringComparison.Ordinal);
        string list = text[start..text.IndexOf("<!-- end -->", start, StringComparison.Ordinal)];
        Match[] steps = [.. Step().Matches(list).Cast<Match>()];
        Assert.That(steps, Has.Length.InRange(1, mostCalls));
        Assert.That(steps.Select(step => step.Groups["file"].Value).Distinct().Count(), Is.LessThanOrEqualTo(mostFiles));
        Stack<string> running = new(callers.Select(caller => caller.Split(' ')).Select(caller => BodyOf(Path.Combine(Repository.Root, caller[0]), caller[1])));
        foreach (Match step in steps)
        {
            string type = step.Groups["type"].Value, method = step.Groups["method"].Value, file = Path.Combine(Repository.Root, "docs", step.Groups["file"].Value);
            Assert.That(Path.GetFileNameWithoutExtension(file), Is.EqualTo(type));
            while (running.TryPeek(out string? body) && !Regex.IsMatch(body, $@"\b{method}\("))
                running.Pop();
            Assert.That(running, Is.Not.Empty, $"no step before it calls {type}.{method}");
            running.Push(BodyOf(file, method));
        }
    }

    // The bodies of the methods of this name, of all overloads, without their declarations.
    private static string BodyOf(string file, string method)
    {
        string text = File.ReadAllText(file);
        string[] bodies =
        [
            .. Regex.Matches(text, $@"^    (public|private|internal|protected) [^=;(\n]*\b{method}\(", RegexOptions.Multiline)
                .Select(declaration => declaration.Index)
                .Select(start => text[start..EndOf(text, start)])
                .Select(whole => whole[whole.IndexOf(')', StringComparison.Ordinal)..]),
        ];
        Assert.That(bodies, Is.Not.Empty, $"{file} has no method {method}");
        return string.Concat(bodies);
    }

    // Behind a body in braces, or behind an expression.
    private static int EndOf(string text, int start)
    {
        int brace = text.IndexOf("\n    {\n", start, StringComparison.Ordinal), arrow = text.IndexOf("=>", start, StringComparison.Ordinal);
        bool isExpression = arrow >= 0 && (brace < 0 || arrow < brace);
        return isExpression ? text.IndexOf(";\n", arrow, StringComparison.Ordinal) : text.IndexOf("\n    }\n", brace, StringComparison.Ordinal);
    }

    // 1. [`Type.Method`](file)
    [GeneratedRegex(@"^\d+\. \[`(?<type>\w+)\.(?<method>\w+)`\]\((?<file>[^)]+)\)", RegexOptions.Multiline)]
    private static partial Regex Step();

    // The target of [text](target#anchor), without the anchor.
    [GeneratedRegex(@"\]\((?<target>[^)#\s]+)(#[^)\s]*)?\)")]
    private static partial Regex Link();
}
