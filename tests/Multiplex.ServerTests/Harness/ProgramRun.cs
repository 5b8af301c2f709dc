using System.Diagnostics;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>A program run to its end.</summary>
internal sealed record ProgramRun(int Status, byte[] Output, string[] Errors)
{
    // Some build a project or compress a package, which takes minutes on a machine that is busy.
    private static readonly TimeSpan s_deadline = 10 * Eventually.Deadline;

    /// <summary>Standard output as lines.</summary>
    public string[] Lines => Split(System.Text.Encoding.UTF8.GetString(Output));

    /// <summary>Runs the command under test.</summary>
    public static ProgramRun Multiplex(params string[] arguments) => Of(ServerProcess.Command, arguments);

    /// <summary>Runs a program; its standard input is these bytes, and then ends.</summary>
    public static ProgramRun Of(string program, IEnumerable<string> arguments, byte[]? input = null, string? folder = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using MemoryStream output = new();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        process.StandardInput.BaseStream.Write(input ?? []);
        process.StandardInput.Close();
        if (!process.WaitForExit(s_deadline))
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} has not ended after {s_deadline}");
        }

        reading.GetAwaiter().GetResult();
        return new(process.ExitCode, output.ToArray(), Split(errors.GetAwaiter().GetResult()));
    }

    /// <summary>Runs a program; the test fails unless it succeeds.</summary>
    public static ProgramRun Successfully(string program, IEnumerable<string> arguments, byte[]? input = null, string? folder = null)
    {
        ProgramRun run = Of(program, arguments, input, folder);
        Assert.That(run.Status, Is.Zero, () => $"{program} {string.Join(' ', arguments)}: {string.Join('\n', run.Errors)}");
        return run;
    }

    private static string[] Split(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
