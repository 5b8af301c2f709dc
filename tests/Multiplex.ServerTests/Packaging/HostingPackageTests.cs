using System.Diagnostics;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>A project outside the repository that references the package of Multiplex.Rpc.Hosting alone is a hosted service, and so is a project made from a template.</summary>
public class HostingPackageTests
{
    private const string References = """
        <PackageReference Include="Multiplex.Rpc.Hosting" Version="*" />
        <PackageReference Include="Microsoft.Extensions.Hosting" Version="10.0.12" />
        <PackageReference Include="NSubstitute" Version="6.1.0" />
        """;

    // Runs before Main, which the readme's program has: once with a client in the host, and once with a mock in its place.
    private const string Visit = """
        using System.Runtime.CompilerServices;
        using NSubstitute;

        internal static class Before
        {
            [ModuleInitializer]
            internal static void Mock()
            {
                IGreeter greeter = Substitute.For<IGreeter>();
                greeter.GreetAsync("world", Arg.Any<CancellationToken>()).Returns("hello, mock");
                Console.WriteLine(new Letter(greeter).WriteAsync().Result);
            }
        }

        internal sealed class Letter(IGreeter greeter)
        {
            public async Task<string> WriteAsync() => $"# {await greeter.GreetAsync("world")}";
        }

        internal sealed class Visitor(IGreeter greeter, IHostApplicationLifetime lifetime) : BackgroundService
        {
            protected override async Task ExecuteAsync(CancellationToken stoppingToken)
            {
                Console.WriteLine(await new Letter(greeter).WriteAsync());
                lifetime.StopApplication();
            }
        }
        """;

    private const string Tests = """
        using NSubstitute;
        using Xunit;

        public class LetterTests
        {
            [Fact]
            public async Task A_letter_begins_with_the_greeting()
            {
                IGreeter greeter = Substitute.For<IGreeter>();
                greeter.GreetAsync("world", Arg.Any<CancellationToken>()).Returns("hello, mock");
                Assert.Equal("# hello, mock", await new Letter(greeter).WriteAsync());
                await greeter.Received(1).GreetAsync("world", Arg.Any<CancellationToken>());
            }

            private sealed class Letter(IGreeter greeter)
            {
                public async Task<string> WriteAsync() => $"# {await greeter.GreetAsync("world")}";
            }
        }
        """;

    private readonly PackageFeed _feed = new(), _tests = new();

    [OneTimeTearDown]
    public void RemoveFiles()
    {
        _feed.Dispose();
        _tests.Dispose();
    }

    [Test]
    public void A_project_of_tests_with_xUnit_has_a_mock_in_the_place_of_a_client()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "src/Multiplex.Rpc.Hosting/README.md"));
        string program = readme.Split("```csharp\n")[1].Split("```\n")[0];
        _tests.WriteProject(References + """<PackageReference Include="xunit.v3" Version="4.0.2" />""");
        _tests.Write("Contract.cs", program[program.IndexOf("[RpcProgram", StringComparison.Ordinal)..]);
        _tests.Write("LetterTests.cs", Tests);
        _tests.Dotnet("build", "-o", "out");
        Assert.That(_tests.Dotnet("out/sample.dll"), Has.Some.Contains("Total: 1, Errors: 0, Failed: 0"));
    }

    [Test]
    public void The_program_of_the_readme_runs_without_a_using_and_its_contract_can_be_mocked()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "src/Multiplex.Rpc.Hosting/README.md"));
        string program = readme.Split("```csharp\n")[1].Split("```\n")[0];
        Assert.That(File.ReadAllText(Path.Combine(Repository.Root, "docs/rpc.md")), Does.Contain(program), "the guide shows the same program");
        _feed.WriteProject(References);
        _feed.Write("Program.cs", program
            .Replace("await builder.Build()", "builder.Services.AddHostedService<Visitor>();\nawait builder.Build()", StringComparison.Ordinal)
            .Replace("tcp://127.0.0.1:4000", "unix:@multiplex-hosting-package", StringComparison.Ordinal));
        _feed.Write("Visit.cs", Visit);
        _feed.Dotnet("build", "-o", "out");
        string[] printed = _feed.Dotnet("out/sample.dll");
        Assert.That(printed.Where(line => line.StartsWith('#')), Is.EqualTo(new[] { "# hello, mock", "# hello, world" }));
        Assert.That(printed, Has.Some.Contains("the server listens on unix:@multiplex-hosting-package, on the model epoll"));
    }

    [Test]
    public void The_templates_make_a_service_and_a_client_that_call_each_other()
    {
        string home = Directory.CreateDirectory(_feed.In("home")).FullName, templates = Packages.Find($"Multiplex.Templates.{Packages.Version}.nupkg");
        _feed.Dotnet("new", "install", templates, "--debug:custom-hive", home);
        foreach (string kind in (string[])["service", "client"])
        {
            _feed.Dotnet("new", $"multiplex-{kind}", "--name", $"Made{kind}", "--output", kind, "--debug:custom-hive", home);
            _feed.Dotnet("build", kind, "-o", $"{kind}/out");
        }

        ProcessStartInfo start = new(Tools.Require("dotnet"), [_feed.In("service/out/Madeservice.dll"), "--Multiplex:Server:Listen=unix:@multiplex-template"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _feed.In("service/out"),   // where its appsettings.json is
        };
        using Process service = Process.Start(start)!;
        try
        {
            Task<bool> listens = Task.Run(() => ReadUntil(service.StandardOutput, "the server listens on unix:@multiplex-template, on the model epoll"));
            Assert.That(listens.Wait(Eventually.Deadline) && listens.Result, Is.True);
            ProgramRun client = ProgramRun.Successfully(
                start.FileName, [_feed.In("client/out/Madeclient.dll"), "--Multiplex:Clients:IGreeter:Server=unix:@multiplex-template"], folder: _feed.In("client/out"));
            Assert.That(client.Lines, Is.EqualTo(new[] { "hello, world" }));
        }
        finally
        {
            service.Kill();
        }
    }

    private static bool ReadUntil(StreamReader output, string text)
    {
        while (output.ReadLine() is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return true;
        }

        return false;
    }
}
