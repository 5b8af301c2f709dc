using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Packages;

/// <summary>
/// A folder outside the repository, with a project whose packages named Multiplex come from <see cref="Packages"/> alone; the packages of others lie
/// where this project's own do.
/// </summary>
internal sealed class PackageFeed : IDisposable
{
    private static readonly string[] s_leaveNothingBehind = ["-v", "q", "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public PackageFeed()
    {
        string usual = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        Directory.CreateDirectory(In(""));
        string others = _folder.CreateSubdirectory("others").FullName;
        foreach (string package in Directory.GetDirectories(usual).Where(path => !Path.GetFileName(path).StartsWith("multiplex", StringComparison.Ordinal)))
            Directory.CreateSymbolicLink(Path.Combine(others, Path.GetFileName(package)), package);
        Write("nuget.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{_folder.CreateSubdirectory("packages").FullName}" /></config>
              <packageSources><clear /><add key="feed" value="{Packages.Folder}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="others" value="{others}" /></fallbackPackageFolders>
            </configuration>
            """);
        File.Copy(Path.Combine(Repository.Root, "global.json"), In("global.json"));
        Write("Directory.Build.rsp", "");   // MSBuild takes the nearest: what lies in a folder above is not the project's
    }

    /// <summary>What .NET calls this machine.</summary>
    public static string Runtime => $"linux-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Writes sample.csproj, a program.</summary>
    /// <param name="items">Its items.</param>
    /// <param name="properties">Further properties.</param>
    public void WriteProject(string items, string properties = "") => Write("sample.csproj", $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <Nullable>enable</Nullable>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
            {properties}
          </PropertyGroup>
          <ItemGroup>
            {items}
          </ItemGroup>
        </Project>
        """);

    /// <summary>Writes a file.</summary>
    public void Write(string name, string text) => File.WriteAllText(In(name), text);

    /// <summary>The path of a file of the project.</summary>
    public string In(string name) => Path.Combine(_folder.FullName, "project", name);

    /// <summary>Runs dotnet in the folder; it must succeed.</summary>
    /// <returns>Its standard output.</returns>
    public string[] Dotnet(string verb, params string[] arguments)
    {
        ProgramRun run = ProgramRun.Of(Tools.Require("dotnet"), [verb, .. arguments, .. verb is "build" or "pack" ? s_leaveNothingBehind : []], folder: In(""));
        Assert.That(run.Status, Is.Zero, () => $"{verb}: {string.Join('\n', run.Lines.Concat(run.Errors))}");
        return run.Lines;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
