using System.Text;
using System.Text.RegularExpressions;
using Multiplex.Load.Comparison.Servers;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>docs/start.md: the commands on the page print what the page says, except for numbers.</summary>
public sealed partial class StartPageTests
{
    private const string LeftOut = "…", Mark = "-- command ";

    private sealed record Typed(string Command, string[] Prints);

    [Test]
    public void Each_command_of_the_page_prints_what_the_page_says()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs/start.md"));
        foreach (string port in PortOfServer().Matches(page).Select(match => match.Value).Distinct())
            page = page.Replace(port, UnusedPorts.Choose(1)[0].Port);
        Typed[][] blocks = [.. Block().Matches(page).Select(block => Read(block.Groups["text"].Value))];
        Assert.That(blocks, Has.Length.AtLeast(6));
        string[][] printed = Run([.. blocks.SelectMany(block => block).Select(typed => typed.Command)]);
        int next = 0;
        foreach (Typed[] block in blocks)
        {
            string[][] ofBlock = printed[next..(next += block.Length)];
            foreach ((Typed typed, string[] lines) in block.Zip(ofBlock))
                Assert.That(Matches(typed.Prints, lines), Is.True, $"$ {typed.Command}\n{string.Join('\n', lines)}");

            // As many processes and threads as the page shows: those of the server, and those that answered.
            IEnumerable<string> shown = block.SelectMany(typed => typed.Prints), seen = ofBlock.SelectMany(lines => lines);
            Assert.That(Distinct(Pid(), seen), Is.EqualTo(Distinct(Pid(), shown)), "processes");
            Assert.That(Distinct(Thread(), seen), Is.EqualTo(Distinct(Thread(), shown)), "threads");
        }
    }

    private static Typed[] Read(string block)
    {
        List<Typed> all = [];
        foreach (string line in block.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("$ ", StringComparison.Ordinal))
                all.Add(new(line[2..], []));
            else
                all[^1] = all[^1] with { Prints = [.. all[^1].Prints, line] };
        }

        return [.. all];
    }

    // In one shell, one command after another: a server in the background listens before the next command is typed.
    private static string[][] Run(string[] commands)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("multiplex-start-");
        try
        {
            File.CreateSymbolicLink(Path.Combine(folder.FullName, "multiplex"), ServerProcess.Command);
            StringBuilder script = new($"cd {folder.FullName}; PATH=$PWD:$PATH; exec 2>&1\n");
            foreach ((string command, int i) in commands.Select((command, i) => (command, i)))
            {
                script.Append($"echo '{Mark}'\n");
                script.Append(command.EndsWith('&') ? $"{command[..^1]} > {i} &\nuntil [ -s {i} ]; do sleep 0.05; done; cat {i}\n" : $"{command}\n");
            }

            using ServerProcess shell = new(Tools.Require("bash"), ["-c", $"{script}"]);
            shell.WaitForExit(4 * Eventually.Deadline);
            // The page shows what a user without root's rights sees.
            string[] all = string.Join('\n', shell.Output.Where(line => !string.IsNullOrWhiteSpace(line) && !line.Contains("runs as root", StringComparison.Ordinal))).Split(Mark);
            return [.. all.Skip(1).Select(text => text.Split('\n', StringSplitOptions.RemoveEmptyEntries))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static bool Matches(ReadOnlySpan<string> expected, ReadOnlySpan<string> printed)
    {
        if (expected is [])
            return printed is [];
        if (expected[0] != LeftOut)
            return printed is not [] && Regex.IsMatch(Shape(printed[0]), $"^{Regex.Escape(Shape(expected[0])).Replace(LeftOut, ".*")}$") && Matches(expected[1..], printed[1..]);
        for (int i = 0; i <= printed.Length; i++)
        {
            if (Matches(expected[1..], printed[i..]))
                return true;
        }

        return false;
    }

    // Without what differs from run to run: numbers with their units, and the spaces that align them.
    private static string Shape(string line) => Spaces().Replace(Figure().Replace(line, "0"), " ");

    private static int Distinct(Regex what, IEnumerable<string> lines) => lines.SelectMany(line => what.Matches(line)).Select(match => match.Value).Distinct().Count();

    [GeneratedRegex("```console\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("(?<=127\\.0\\.0\\.1:)400[0-9]")]
    private static partial Regex PortOfServer();

    [GeneratedRegex("pid=[0-9]+")]
    private static partial Regex Pid();

    [GeneratedRegex("thread=[0-9]+")]
    private static partial Regex Thread();

    [GeneratedRegex(@"[0-9][0-9.,]*( (ns|µs|ms|s|B|KiB|MiB)\b)?")]
    private static partial Regex Figure();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
