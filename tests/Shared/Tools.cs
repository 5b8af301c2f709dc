namespace Multiplex.TestSupport;

/// <summary>Programs that a test needs and that a machine may lack.</summary>
internal static class Tools
{
    private static readonly string[] s_alsoLookIn = ["/usr/sbin", "/sbin"];

    /// <summary>The full path of the first of these programs that is there. Without any, the test is skipped, or fails with CI=true.</summary>
    public static string Require(params string[] names)
    {
        string[] folders =
            [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), .. s_alsoLookIn];
        string? found = names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (found is null)
            Missing($"{string.Join(" or ", names)} is not on this machine's PATH");
        return found!;
    }

    /// <summary>Skips the test, or fails it with CI=true.</summary>
    public static void Missing(string what)
    {
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase))
            NUnit.Framework.Assert.Fail(what);
        NUnit.Framework.Assert.Ignore(what);
    }
}
