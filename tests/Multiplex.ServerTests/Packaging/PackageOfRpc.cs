using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>A project elsewhere that references the package of Multiplex.Rpc, and nothing else, has the libraries and the generator.</summary>
public class PackageOfRpc
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <Nullable>enable</Nullable>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
            <RpcDefines>SIDES=6;LOADED</RpcDefines>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="Multiplex.Rpc" Version="*" />
            <AdditionalFiles Include="dice.x" RpcNamespace="Casino" RpcIdempotent="DICE_SHOW;DICE_NAME" RpcDefines="MARK='#';WORD=unsigned int;MASK=1|2" />
          </ItemGroup>
        </Project>
        """;

    private const string Dice = """
        program DICE_PROGRAM {
            version DICE_V1 {
                unsigned int DICE_ROLL(void) = 1;
                unsigned int DICE_SHOW(void) = 2;
        #if SIDES == 6 && defined(LOADED) && MARK == '#' && (MASK) == 3
                string DICE_NAME(WORD) = 3;
        #endif
            } = 1;
        } = 0x20004701;
        """;

    // Runs before Main, which the sample of docs/rpc.md has.
    private const string Casino = """
        using System.Runtime.CompilerServices;
        using Casino;

        internal static class Before
        {
            [ModuleInitializer]
            internal static void Tell() =>
                Console.WriteLine($"{DiceV1Procedure.Roll} {DiceV1.Roll.IsIdempotent}, {DiceV1Procedure.Show} {DiceV1.Show.IsIdempotent}, {DiceV1Procedure.Name} {DiceV1.Name.IsIdempotent}");
        }
        """;

    private static readonly string[] s_leaveNothingBehind = ["-v", "q", "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemoveFiles() => _folder.Delete(recursive: true);

    [Test]
    public void A_project_with_the_package_alone_builds_stubs_of_interfaces_and_of_x_files_and_runs()
    {
        string dotnet = Tools.Require("dotnet");
        string repository = Repository.Root, configuration = Directory.GetParent(AppContext.BaseDirectory.TrimEnd('/'))!.Name;
        ProgramRun.Successfully(
            dotnet,
            ["pack", Path.Combine(repository, "src/Multiplex.Rpc"), "-c", configuration, "--no-build", "-o", In("feed"), .. s_leaveNothingBehind]);
        Assert.That(Directory.GetFiles(In("feed")).Select(Name), Is.EquivalentTo(new[] { "Multiplex", "Multiplex.Interop", "Multiplex.Rpc" }));

        string guide = File.ReadAllText(Path.Combine(repository, "docs/rpc.md"));
        Directory.CreateDirectory(In("project"));
        File.WriteAllText(In("project/nuget.config"), NuGetConfiguration());
        File.Copy(Path.Combine(repository, "global.json"), In("project/global.json"));
        File.WriteAllText(In("project/greeter.csproj"), Project);
        File.WriteAllText(In("project/dice.x"), Dice);
        File.WriteAllText(In("project/Casino.cs"), Casino);
        File.WriteAllText(In("project/Greeter.cs"), guide.Split("```csharp\n")[1].Split("```\n")[0]);
        Dotnet("build", "-o", "out");
        Assert.That(Dotnet("out/greeter.dll"), Is.EqualTo(new[] { "Roll False, Show True, Name True", "hello, world" }));

        string[] Dotnet(string verb, params string[] arguments)
        {
            ProgramRun run = ProgramRun.Of(dotnet, [verb, .. arguments, .. verb == "build" ? s_leaveNothingBehind : []], folder: In("project"));
            Assert.That(run.Status, Is.Zero, () => $"{verb}: {string.Join('\n', run.Lines.Concat(run.Errors))}");
            return run.Lines;
        }
    }

    // Our packages come from the folder they were packed into, and from nowhere else; those of others lie where this project's own do.
    private string NuGetConfiguration()
    {
        string usual = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        Directory.CreateDirectory(In("others"));
        foreach (string package in Directory.GetDirectories(usual).Where(path => !Path.GetFileName(path).StartsWith("multiplex", StringComparison.Ordinal)))
            Directory.CreateSymbolicLink(Path.Combine(In("others"), Path.GetFileName(package)), package);
        return $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{In("packages")}" /></config>
              <packageSources><clear /><add key="feed" value="{In("feed")}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="others" value="{In("others")}" /></fallbackPackageFolders>
            </configuration>
            """;
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);

    // Of a package's file: without version and extension.
    private static string Name(string path) => string.Join('.', Path.GetFileName(path).Split('.').TakeWhile(part => !char.IsAsciiDigit(part[0])));
}
