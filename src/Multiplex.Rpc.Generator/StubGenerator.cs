using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Multiplex.Rpc.Generator.Interfaces;

namespace Multiplex.Rpc.Generator;

/// <summary>
/// Makes types and stubs while a project is compiled: from C# interfaces marked [RpcProgram] with the classes that they use, and from
/// .x files among its AdditionalFiles. Such an item may carry RpcNamespace (else the project's root namespace) and RpcIdempotent (the
/// procedures that may run twice, by name, with spaces between, or *).
/// </summary>
[Generator]
public sealed class StubGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<XFile> files = context.AdditionalTextsProvider
            .Where(text => text.Path.EndsWith(".x", StringComparison.Ordinal))
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Select((pair, cancellation) => Describe(pair.Left, pair.Right, cancellation));
        context.RegisterSourceOutput(files.Combine(files.Collect()), (output, pair) => Generate(output, pair.Left, pair.Right));

        IncrementalValuesProvider<InterfaceStubs> interfaces = context.SyntaxProvider.ForAttributeWithMetadataName(
            Symbols.Program, (node, _) => node is InterfaceDeclarationSyntax, (one, _) => InterfaceStubs.OfInterface((INamedTypeSymbol)one.TargetSymbol));
        context.RegisterSourceOutput(interfaces, (output, stubs) => stubs.AddTo(output));
        context.RegisterSourceOutput(interfaces.Collect(), (output, all) => InterfaceStubs.ReportTwins(output, all));
        foreach (string attribute in (string[])[Symbols.Struct, Symbols.Union])
        {
            IncrementalValuesProvider<InterfaceStubs> types = context.SyntaxProvider.ForAttributeWithMetadataName(
                attribute, (node, _) => node is ClassDeclarationSyntax, (one, _) => InterfaceStubs.OfType((INamedTypeSymbol)one.TargetSymbol));
            context.RegisterSourceOutput(types, (output, stubs) => stubs.AddTo(output));
        }
    }

    private static XFile Describe(AdditionalText text, AnalyzerConfigOptionsProvider provider, CancellationToken cancellation)
    {
        AnalyzerConfigOptions options = provider.GetOptions(text);
        string space = Option(options, "build_metadata.AdditionalFiles.RpcNamespace");
        if (space.Length == 0)
            space = Option(provider.GlobalOptions, "build_property.RootNamespace");
        return new(text.Path, text.GetText(cancellation)?.ToString() ?? "", space, Option(options, "build_metadata.AdditionalFiles.RpcIdempotent"));
    }

    private static string Option(AnalyzerConfigOptions options, string name) => options.TryGetValue(name, out string? value) ? value : "";

    private static void Generate(SourceProductionContext output, XFile file, ImmutableArray<XFile> all)
    {
        ProblemList problems = [];
        string? source = file.Compile(name => Find(name, file, all), problems);
        foreach (Problem problem in problems)
            output.ReportDiagnostic(Diagnostics.Of(problem));
        if (source is not null)
            output.AddSource(HintName(file, all), SourceText.From(source, Encoding.UTF8));
    }

    // The one beside the file that names it, if there are several.
    private static XFile? Find(string name, XFile from, IEnumerable<XFile> all) => all
        .Where(one => Path.GetFileName(one.Path) == name)
        .OrderBy(one => Path.GetDirectoryName(one.Path) != Path.GetDirectoryName(from.Path))
        .FirstOrDefault();

    private static string HintName(XFile file, ImmutableArray<XFile> all)
    {
        string name = Path.GetFileName(file.Path);
        int before = all.TakeWhile(one => one != file).Count(one => Path.GetFileName(one.Path) == name);
        return before == 0 ? name + ".g.cs" : $"{name}.{before + 1}.g.cs";
    }
}
