using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Multiplex.Tests.Support;

/// <summary>A browser without a window. On a machine without a browser the test is skipped, or fails with CI=true.</summary>
internal static partial class Browser
{
    /// <summary>Shows a page.</summary>
    /// <param name="page">Its file.</param>
    /// <param name="profile">A folder for what the browser keeps.</param>
    /// <param name="width">Columns of pixels.</param>
    /// <param name="isDark">Whether the reader's theme is dark.</param>
    /// <returns>Everything on its console, including the browser's own errors.</returns>
    public static string[] ConsoleOf(string page, string profile, int width = 1280, bool isDark = false)
    {
        const int Height = 1000, Dark = 0, Light = 1;
        string browser = Tools.Require("chromium-headless-shell", "chromium", "google-chrome");
        string[] options =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", $"--user-data-dir={profile}", "--enable-logging=stderr",
            $"--window-size={width},{Height}", $"--blink-settings=preferredColorScheme={(isDark ? Dark : Light)}", "--dump-dom", new Uri(page).AbsoluteUri,
        ];
        using Process process = Process.Start(new ProcessStartInfo(browser, options) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(2 * Eventually.Deadline))
            process.Kill(entireProcessTree: true);
        Assert.That(output.Result, Does.Contain("</html>"), errors.Result);
        return [.. ConsoleLine().Matches(errors.Result).Select(match => match.Groups["text"].Value)];
    }

    // [… INFO:CONSOLE(12)] "what it says", source: file:///… (12)
    [GeneratedRegex("""CONSOLE[:(].*?\] "(?<text>.*)", source: """)]
    private static partial Regex ConsoleLine();
}
