using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>The command as a .NET tool: <c>dotnet tool install</c> of the packages alone gives the native binary.</summary>
public sealed class DotnetToolTests
{
    private const string Interface = """
        using Multiplex.Rpc;

        [RpcProgram(0x20004800)]
        public partial interface IShop
        {
            [Procedure(1)] ulong Count(long least);
        }
        """;

    private readonly PackageFeed _feed = new();

    [OneTimeTearDown]
    public void RemoveFiles() => _feed.Dispose();

    [Test]
    public void It_installs_and_serves_and_finds_the_tool_that_reads_csharp()
    {
        foreach (string tool in (string[])["Multiplex.Tool", "Multiplex.Rpcgen"])
            _feed.Dotnet("tool", "install", tool, "--tool-path", "tools", "--version", Packages.Version, "--configfile", "nuget.config");
        PackagedCommand.AssertServes(_feed.In("tools/multiplex"));

        _feed.Write("Shop.cs", Interface);
        ProgramRun printed = ProgramRun.Successfully(
            Tools.Require("env"), [$"PATH={_feed.In("tools")}:{Environment.GetEnvironmentVariable("PATH")}", "multiplex", "rpcgen", _feed.In("Shop.cs")]);
        Assert.That(printed.Lines, Has.Some.Contains("SHOP_COUNT"));
    }
}
