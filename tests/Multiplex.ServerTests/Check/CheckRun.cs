using System.Text.Json;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Check;

/// <summary>What <c>multiplex check</c> found, as a grading program reads it.</summary>
internal sealed record CheckRun(int Status, string[] Lines, JsonElement Report)
{
    /// <summary>The checks that ended so: holds, fault or skipped.</summary>
    public string[] Named(string outcome) =>
        [.. Report.GetProperty("checks").EnumerateArray().Where(check => check.GetProperty("outcome").GetString() == outcome).Select(check => check.GetProperty("name").GetString()!)];

    /// <summary>Runs it, with the results in a file beside the table.</summary>
    public static CheckRun Of(params string[] arguments)
    {
        string file = Path.Combine(Path.GetTempPath(), $"multiplex-check-{Guid.NewGuid():N}.json");
        try
        {
            ProgramRun run = ProgramRun.Multiplex(["check", .. arguments, "--json", file]);
            Assert.That(run.Errors, Is.Empty);
            using JsonDocument report = JsonDocument.Parse(File.ReadAllText(file));
            TestContext.Out.WriteLine(string.Join('\n', run.Lines));
            return new(run.Status, run.Lines, report.RootElement.Clone());
        }
        finally
        {
            File.Delete(file);
        }
    }
}
