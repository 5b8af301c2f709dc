using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>A project outside the repository that references the package of Multiplex.Rpc alone gets the libraries and the generator.</summary>
public class RpcPackageTests
{
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

    // As in a program that is one file without a namespace.
    private const string Whole = """
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Greeter(Console.Out));
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0]);
        IGreeter greeter = client.Create<IGreeter>();
        Console.WriteLine(await greeter.GreetAsync("world"));
        Console.WriteLine(await new Letter(new Mock()).WriteAsync());

        [RpcProgram(0x20004700, Version = 1)]
        public partial interface IGreeter
        {
            [Procedure(1, Idempotent = true)] [return: XdrMaxLength(64)]
            ValueTask<string> GreetAsync([XdrMaxLength(32)] string name, CancellationToken cancellationToken = default);
        }

        public sealed class Greeter(TextWriter log) : IGreeter
        {
            public async ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken)
            {
                await Task.Delay(1, cancellationToken);
                await log.WriteLineAsync($"greeting {name}");
                return $"hello, {name}";
            }
        }

        // Code that calls a service is tested with another object in place of the client.
        public sealed class Letter(IGreeter greeter)
        {
            public async Task<string> WriteAsync() => $"Dear all, {await greeter.GreetAsync("all")}";
        }

        public sealed class Mock : IGreeter
        {
            public ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken) => new("mocked");
        }
        """;

    private readonly PackageFeed _feed = new(), _whole = new();

    [OneTimeTearDown]
    public void RemoveFiles()
    {
        _feed.Dispose();
        _whole.Dispose();
    }

    [Test]
    public void A_program_in_one_file_serves_and_calls_and_is_tested_without_either()
    {
        _whole.WriteProject("<PackageReference Include=\"Multiplex.Rpc\" Version=\"*\" />");
        _whole.Write("Program.cs", Whole);
        _whole.Dotnet("build", "-o", "out");
        Assert.That(_whole.Dotnet("out/sample.dll"), Is.EqualTo(new[] { "greeting world", "hello, world", "Dear all, mocked" }));
    }

    [Test]
    public void A_project_with_the_package_alone_builds_stubs_of_interfaces_and_of_x_files_and_runs()
    {
        string guide = File.ReadAllText(Path.Combine(Repository.Root, "docs/rpc.md"));
        _feed.WriteProject(
            """
            <PackageReference Include="Multiplex.Rpc" Version="*" />
            <AdditionalFiles Include="dice.x" RpcNamespace="Casino" RpcIdempotent="DICE_SHOW;DICE_NAME" RpcDefines="MARK='#';WORD=unsigned int;MASK=1|2" />
            """,
            "<RpcDefines>SIDES=6;LOADED</RpcDefines>");
        _feed.Write("dice.x", Dice);
        _feed.Write("Casino.cs", Casino);
        _feed.Write("Greeter.cs", Sample(guide));
        _feed.Dotnet("build", "-o", "out");
        Assert.That(_feed.Dotnet("out/sample.dll"), Is.EqualTo(new[] { "Roll False, Show True, Name True", "hello, world" }));
        Assert.That(Sample(File.ReadAllText(Path.Combine(Repository.Root, "src/Multiplex.Rpc/README.md"))), Is.EqualTo(Sample(guide)), "the package's readme shows the same program");
    }

    // The first sample of a page.
    private static string Sample(string page) => page.Split("```csharp\n")[1].Split("```\n")[0];
}
