using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>Programs of others that a test needs. Where one is missing the test is skipped; under CI it fails.</summary>
internal static class Tools
{
    private static readonly string[] s_alsoLookIn = ["/usr/sbin", "/sbin"];

    /// <summary>The full path of a program.</summary>
    public static string Require(string program)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), .. s_alsoLookIn];
        string? found = folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        if (found is null)
            Missing($"{program} is not installed");
        return found!;
    }

    /// <summary>Skips the test, or fails it under CI=true.</summary>
    public static void Missing(string what)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(what);
        Assert.Ignore(what);
    }
}
