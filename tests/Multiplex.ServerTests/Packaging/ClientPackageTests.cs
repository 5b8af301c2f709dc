using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>A project outside the repository that references the client's package gets the client stubs, calls a server, and gets no server models.</summary>
public sealed class ClientPackageTests
{
    private static readonly string[] s_libraries = ["Multiplex.Core", "Multiplex.Interop", "Multiplex.Rpc.Client"];

    private const string Calls = """
        await using RpcClient client = await RpcClient.ConnectAsync(args[0]);
        Console.WriteLine(client.Create<Called.IMultiplexV1>().Add(3));
        Console.WriteLine(Convert.ToHexString(await client.Create<IEcho>().EchoAsync([0xAB, 0xCD])));
        Console.WriteLine($"{typeof(IEcho).Assembly.GetTypes().Count(type => type.Name.Contains("Serve"))} types that serve");

        [RpcProgram(0x20004543, Version = 1)]
        public partial interface IEcho
        {
            [Procedure(1, Idempotent = true)]
            [return: XdrMaxLength(64)]
            ValueTask<byte[]> EchoAsync([XdrMaxLength(64)] byte[] payload, RpcContext? context = null, CancellationToken cancellationToken = default);
        }
        """;

    private readonly PackageFeed _feed = new(), _hosted = new();

    [OneTimeTearDown]
    public void RemoveFiles()
    {
        _feed.Dispose();
        _hosted.Dispose();
    }

    [Test]
    public void A_project_with_the_clients_package_alone_calls_a_server_and_has_no_server_models()
    {
        _feed.WriteProject("""
            <PackageReference Include="Multiplex.Rpc.Client" Version="*" />
            <AdditionalFiles Include="multiplex.x" RpcNamespace="Called" />
            """);
        _feed.Write("multiplex.x", File.ReadAllText(Path.Combine(Repository.Root, "src/Multiplex.Demo/multiplex.x")));
        _feed.Write("Program.cs", Calls);
        _feed.Dotnet("build", "-o", "out");
        Assert.That(Libraries(_feed), Is.EquivalentTo(s_libraries));

        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        Assert.That(_feed.Dotnet("out/sample.dll", $"{server.Endpoint}"), Is.EqualTo(new[] { "3", "ABCD", "0 types that serve" }));
    }

    [Test]
    public void So_has_a_client_in_the_generic_host()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "src/Multiplex.Rpc.Client.Hosting/README.md"));
        _hosted.WriteProject("""
            <PackageReference Include="Multiplex.Rpc.Client.Hosting" Version="*" />
            <PackageReference Include="Microsoft.Extensions.Hosting" Version="10.0.12" />
            """);
        _hosted.Write("Program.cs", readme.Split("```csharp\n")[1].Split("```\n")[0]);
        _hosted.Dotnet("build", "-o", "out");
        Assert.That(Libraries(_hosted), Is.EquivalentTo((string[])[.. s_libraries, "Multiplex.Rpc.Client.Hosting"]));
    }

    private static IEnumerable<string> Libraries(PackageFeed feed) =>
        Directory.GetFiles(feed.In("out"), "Multiplex*.dll").Select(path => Path.GetFileNameWithoutExtension(path));
}
