using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Multiplex.Tests.Rpc.Generator;

namespace Multiplex.Tests.Rpc;

/// <summary>The C# of docs/rpc.md compiles, each snippet with the contract and the class of the first. The snippet of a host is built by the tests of packages.</summary>
public sealed class GuideTests
{
    private const string Namespaces = """
        using System;
        using System.Threading;
        using System.Threading.Tasks;
        using Multiplex;
        using Multiplex.Models;
        using Multiplex.Rpc;
        using Multiplex.Rpc.Client;
        using Multiplex.Rpc.Messages;
        using Multiplex.Rpc.Redis;
        using Multiplex.Rpc.Server;
        using Multiplex.Sockets;
        using Multiplex.Tls;

        """;

    public static IEnumerable<string> Snippets =>
        File.ReadAllText(Path.Combine(Repository.Root, "docs/rpc.md")).Split("```csharp\n")[1..].Select(part => part.Split("```\n")[0]).Where(snippet => !snippet.Contains("HostApplicationBuilder"));

    [TestCaseSource(nameof(Snippets))]
    public void A_snippet_compiles(string snippet)
    {
        CompilationUnitSyntax unit = Parse(snippet);
        IEnumerable<MemberDeclarationSyntax> types = unit.Members.Where(member => member is BaseTypeDeclarationSyntax);
        if (!snippet.Contains("interface IGreeter"))
            types = types.Concat(Parse(Snippets.First()).Members.Where(member => member is BaseTypeDeclarationSyntax { Identifier.Text: "IGreeter" or "Greeter" }));
        string program = $$"""
            {{Namespaces}}
            {{string.Join('\n', types.Select(type => type.ToFullString()))}}

            internal static class Snippet
            {
                public static async Task Run()
                {
                    await Task.Yield();
                    {{string.Join('\n', unit.Members.OfType<GlobalStatementSyntax>().Select(statement => statement.ToFullString()))}}
                }
            }
            """;
        StubCompiler.Compile([], program).Load();
    }

    private static CompilationUnitSyntax Parse(string snippet) => CSharpSyntaxTree.ParseText(snippet).GetCompilationUnitRoot();
}
