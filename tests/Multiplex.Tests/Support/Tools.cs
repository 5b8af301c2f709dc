using System.Diagnostics;

namespace Multiplex.Tests.Support;

/// <summary>Programs that a test needs and that a machine may lack.</summary>
internal static class Tools
{
    /// <summary>The first of these programs on the PATH. Without any, the test is skipped, or fails with CI=true.</summary>
    public static string Require(params string[] names)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        string? found = names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
        if (found is not null)
            return found;
        string missing = $"{string.Join(" or ", names)} is not on this machine's PATH";
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase))
            Assert.Fail(missing);
        Assert.Ignore(missing);
        throw new UnreachableException();
    }
}
