using System.Reflection;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>The sample service of docs/rpc.md compiles and runs as it is printed there.</summary>
public class GuideSampleTests
{
    private const string Begin = "```csharp\n", End = "```\n";

    [Test]
    public async Task It_greets_in_at_most_thirty_lines_of_code()
    {
        string guide = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "rpc.md"));
        int start = guide.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        string sample = guide[start..guide.IndexOf(End, start, StringComparison.Ordinal)];
        Assert.That(sample.Split('\n').Count(line => line.Trim().Length > 0), Is.LessThanOrEqualTo(30));

        Assembly program = StubCompiler.Compile([], sample, "global using System; global using System.Threading; global using System.Threading.Tasks;").Load();
        TextWriter console = Console.Out;
        using StringWriter printed = new();
        Console.SetOut(printed);
        try
        {
            await program.GetType("Program")!.GetMethod("Main")!.CreateDelegate<Func<Task>>()();
        }
        finally
        {
            Console.SetOut(console);
        }

        Assert.That(printed.ToString(), Is.EqualTo("hello, world\n"));
    }
}
