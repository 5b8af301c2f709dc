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
/// .x files among its AdditionalFiles. Such an item may carry RpcNamespace (else the project's root namespace), RpcIdempotent (the
/// procedures that may run twice, by name, or *), RpcDefines (macros, NAME or NAME=WORDS; the project's property of that name goes for all files)
/// RpcStrings (bytes, where strings need not be UTF-8), RpcOneWay (the procedures that have no reply, by name, or *), RpcAsync (true, where the methods of the
/// contract are to return tasks) and RpcContext (true, where they are to take the caller's context).
/// </summary>
[Generator]
public sealed class StubGenerator : IIncrementalGenerator
{
    // A file of macros that .x files include may be called NAME.h.
    private static readonly string[] s_extensions = [".x", ".h"];

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<XFile> files = context.AdditionalTextsProvider
            .Where(text => s_extensions.Contains(Path.GetExtension(text.Path)))
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Select((pair, cancellation) => Describe(pair.Left, pair.Right, cancellation))
            .Combine(context.CompilationProvider.Select((compilation, _) => Symbols.HaveServer(compilation)))
            .Select((pair, _) => pair.Left with { WithServer = pair.Right });
        context.RegisterSourceOutput(
            files.Where(file => Path.GetExtension(file.Path) == ".x").Combine(files.Collect()),
            (output, pair) => Generate(output, pair.Left, pair.Right));

        IncrementalValuesProvider<InterfaceStubs> interfaces = context.SyntaxProvider.ForAttributeWithMetadataName(
            Symbols.Program, (node, _) => node is InterfaceDeclarationSyntax, (one, _) => InterfaceStubs.OfInterface((INamedTypeSymbol)one.TargetSymbol, Symbols.HaveServer(one.SemanticModel.Compilation)));
        context.RegisterSourceOutput(interfaces, (output, stubs) => stubs.AddTo(output));
        context.RegisterSourceOutput(interfaces.Collect(), (output, all) => InterfaceStubs.ReportTwins(output, all));
        foreach (string attribute in (string[])[Symbols.Struct, Symbols.Union])
        {
            IncrementalValuesProvider<InterfaceStubs> types = context.SyntaxProvider.ForAttributeWithMetadataName(
                attribute, (node, _) => node is ClassDeclarationSyntax or RecordDeclarationSyntax, (one, _) => InterfaceStubs.OfType((INamedTypeSymbol)one.TargetSymbol));
            context.RegisterSourceOutput(types, (output, stubs) => stubs.AddTo(output));
        }
    }

    private static XFile Describe(AdditionalText text, AnalyzerConfigOptionsProvider provider, CancellationToken cancellation)
    {
        AnalyzerConfigOptions options = provider.GetOptions(text);
        string space = Option(options, "build_metadata.AdditionalFiles.RpcNamespace");
        if (space.Length == 0)
            space = Option(provider.GlobalOptions, "build_property.RootNamespace");
        string defines = $"{Option(provider.GlobalOptions, "build_property.RpcDefines")}|{Option(options, "build_metadata.AdditionalFiles.RpcDefines")}";
        return new(
            text.Path,
            text.GetText(cancellation)?.ToString() ?? "",
            space,
            Option(options, "build_metadata.AdditionalFiles.RpcIdempotent"),
            defines,
            Option(options, "build_metadata.AdditionalFiles.RpcStrings"))
        {
            OneWay = Option(options, "build_metadata.AdditionalFiles.RpcOneWay"),
            Async = Option(options, "build_metadata.AdditionalFiles.RpcAsync"),
            Context = Option(options, "build_metadata.AdditionalFiles.RpcContext"),
        };
    }

    private static string Option(AnalyzerConfigOptions options, string name) => options.TryGetValue(name, out string? value) ? value : "";

    // What is wrong in another .x file is reported where that is compiled.
    private static void Generate(SourceProductionContext output, XFile file, ImmutableArray<XFile> all)
    {
        ProblemList problems = [];
        string? source = file.Compile(name => Find(name, file, all), problems);
        foreach (Problem problem in problems.Where(one => one.Position.File == file.Path || !all.Any(other => other.Path == one.Position.File && other.Path.EndsWith(".x", StringComparison.Ordinal))))
            output.ReportDiagnostic(Diagnostics.Of(problem));
        if (source is not null)
            output.AddSource(HintName(file, all), SourceText.From(source, Encoding.UTF8));
    }

    // By its path from the file that names it; else one that ends as the name does, the nearest first.
    private static XFile? Find(string name, XFile from, IEnumerable<XFile> all)
    {
        string folder = Path.GetDirectoryName(from.Path) ?? "";
        string beside = Path.GetFullPath(Path.Combine(folder, name));
        return all
            .Where(one => Path.GetFileName(one.Path) == Path.GetFileName(name))
            .OrderBy(one => Path.GetFullPath(one.Path) != beside)
            .ThenBy(one => !one.Path.Replace('\\', '/').EndsWith("/" + name, StringComparison.Ordinal))
            .ThenBy(one => Path.GetDirectoryName(one.Path) != folder)
            .FirstOrDefault();
    }

    private static string HintName(XFile file, ImmutableArray<XFile> all)
    {
        string name = Path.GetFileName(file.Path);
        int before = all.TakeWhile(one => one != file).Count(one => Path.GetFileName(one.Path) == name);
        return before == 0 ? name + ".g.cs" : $"{name}.{before + 1}.g.cs";
    }
}
