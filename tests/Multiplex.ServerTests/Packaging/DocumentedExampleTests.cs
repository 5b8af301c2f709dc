using System.IO.Compression;
using System.Xml.Linq;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>The documentation in the packages, which editors show, has an example for each type that a program starts from, and each example compiles.</summary>
public sealed class DocumentedExampleTests
{
    private static readonly string[] s_libraries = ["Multiplex.Rpc.Client", "Multiplex.Rpc", "Multiplex.Rpc.Client.Hosting", "Multiplex.Rpc.Hosting"];

    private static readonly string[] s_begunWith =
    [
        "T:Multiplex.Rpc.RpcProgramAttribute",
        "T:Multiplex.Rpc.ProcedureAttribute",
        "T:Multiplex.Rpc.RpcContext",
        "T:Multiplex.Rpc.Client.RpcClient",
        "T:Multiplex.Rpc.Server.RpcServer",
        "T:Multiplex.Rpc.Server.RpcServerOptions",
        "M:Multiplex.Rpc.Hosting.RpcServerServiceCollectionExtensions.AddRpcServer(",
        "M:Multiplex.Rpc.Hosting.RpcClientServiceCollectionExtensions.AddRpcClient`",
    ];

    // The Greeter that the examples use, and the method around those that are statements.
    private const string Around = """
        public sealed class Greeter : IGreeter
        {
            public ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken) => new($"hello, {name}");
        }

        public static class Program
        {
            public static void Main() => Console.WriteLine("built");
        }
        """;

    private readonly PackageFeed _feed = new();

    [OneTimeTearDown]
    public void RemoveFiles() => _feed.Dispose();

    [Test]
    public void Each_type_that_a_program_begins_with_has_an_example_and_all_examples_compile()
    {
        (string Member, string Code)[] examples = [.. s_libraries.SelectMany(Examples).DistinctBy(example => example.Code)];   // the docstring of a class with a primary constructor is also that of the constructor
        Assert.That(s_begunWith.Where(begun => !examples.Any(one => one.Member.StartsWith(begun, StringComparison.Ordinal))), Is.Empty);
        _feed.WriteProject("""
            <PackageReference Include="Multiplex.Rpc.Hosting" Version="*" />
            <PackageReference Include="Microsoft.Extensions.Hosting" Version="10.0.12" />
            """);
        _feed.Write("Around.cs", Around);
        foreach ((int number, (string member, string code)) in examples.Index())
        {
            bool isDeclaration = code.TrimStart().StartsWith('[');
            _feed.Write($"Example{number}.cs", $"// {member}\n" + (isDeclaration ? code : $$"""
                #pragma warning disable CS1998   // some await nothing
                public static class Example{{number}}
                {
                    public static async Task Run(HostApplicationBuilder builder)
                    {
                        {{code}}
                    }
                }
                """));
        }

        _feed.Dotnet("build", "-o", "out");
        Assert.That(_feed.Dotnet("out/sample.dll"), Is.EqualTo(new[] { "built" }));
    }

    private static IEnumerable<(string Member, string Code)> Examples(string library)
    {
        using ZipArchive package = ZipFile.OpenRead(Packages.Find($"{library}.{Packages.Version}.nupkg"));
        XDocument documentation = XDocument.Load(package.GetEntry($"lib/net10.0/{library}.xml")!.Open());
        return
        [
            .. from code in documentation.Descendants("code")
               where code.Parent!.Name == "example"
               select (code.Ancestors("member").Single().Attribute("name")!.Value, code.Value),
        ];
    }
}
