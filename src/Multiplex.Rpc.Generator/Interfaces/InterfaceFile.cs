using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Multiplex.Rpc.Generator.Emitting;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>A C# file with interfaces marked [RpcProgram], by itself.</summary>
internal static class InterfaceFile
{
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.Threading; global using System.Threading.Tasks;";

    /// <summary>Makes the .x file of all interfaces in it.</summary>
    /// <param name="path">What messages call the file.</param>
    /// <param name="text">Its text.</param>
    /// <param name="references">The assemblies that it may use, Multiplex.Rpc among them.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <returns>The file's text, or null when something is wrong that is more than a warning.</returns>
    public static string? ToX(string path, string text, IEnumerable<string> references, ProblemList problems)
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(text, path: path);
        foreach (Diagnostic error in tree.GetDiagnostics().Where(one => one.Severity == DiagnosticSeverity.Error))
        {
            FileLinePositionSpan place = error.Location.GetLineSpan();
            problems.Report(ProblemKind.Syntax, new(path, place.StartLinePosition.Line + 1, place.StartLinePosition.Character + 1), error.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        }

        CSharpCompilation compilation = CSharpCompilation.Create(
            "interfaces",
            [tree, CSharpSyntaxTree.ParseText(ImplicitUsings)],
            references.Select(reference => MetadataReference.CreateFromFile(reference)),
            new(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        SemanticModel model = compilation.GetSemanticModel(tree);
        TypeReader types = new(problems);
        InterfaceReader reader = new(types, problems);
        List<ProgramDefinition> programs = [.. tree.GetRoot().DescendantNodes().OfType<InterfaceDeclarationSyntax>()
            .Select(node => model.GetDeclaredSymbol(node))
            .OfType<INamedTypeSymbol>()
            .Where(symbol => Symbols.Has(symbol, Symbols.Program))
            .Select(reader.Read)];
        if (programs.Count == 0 && !problems.Any(problem => problem.IsError))
            problems.Report(ProblemKind.Unknown, new(path, 1, 1), "there is no interface marked [RpcProgram(number)], with 'using Multiplex.Rpc;' before it");
        foreach (ProgramDefinition program in programs)
            Binder.Bind(new(path) { IsCSharp = true, Programs = { program } }, problems);
        Specification all = new(path) { IsCSharp = true };
        all.Types.AddRange(types.Defined);
        Binder.Bind(all, problems);
        return problems.Any(problem => problem.IsError)
            ? null
            : $"/* Made from {Path.GetFileName(path)} by multiplex rpcgen. */\n\n" + XEmitter.Emit(types.Defined, programs);
    }
}
