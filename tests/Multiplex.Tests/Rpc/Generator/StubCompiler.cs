using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Multiplex.Rpc.Generator;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>Compiles C# and .x files as in a project that uses the generator.</summary>
internal static class StubCompiler
{
    private static readonly string[] s_client = ["Multiplex.Interop.dll", "Multiplex.Core.dll", "Multiplex.Rpc.Client.dll"];

    private static readonly Lazy<MetadataReference[]> s_clientReferences = new(() => ReferencesTo(s_client));

    private static readonly Lazy<MetadataReference[]> s_references = new(() => ReferencesTo([.. s_client, "Multiplex.dll", "Multiplex.Rpc.dll", "Multiplex.Rpc.Redis.dll", "StackExchange.Redis.dll"]));

    /// <summary>Runs the generator, and compiles its output.</summary>
    /// <param name="files">The project's .x files.</param>
    /// <param name="sources">Its C#.</param>
    public static Compiled Compile(IEnumerable<XFile> files, params string[] sources) => Compile(s_references.Value, files, sources);

    /// <summary>The same, of a project that references the client and not the server.</summary>
    /// <inheritdoc cref="Compile(IEnumerable{XFile}, string[])"/>
    public static Compiled CompileClient(IEnumerable<XFile> files, params string[] sources) => Compile(s_clientReferences.Value, files, sources);

    private static MetadataReference[] ReferencesTo(string[] libraries) =>
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(':')
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll" || libraries.Contains(name)))
            .Select(path => MetadataReference.CreateFromFile(path))];

    private static Compiled Compile(MetadataReference[] references, IEnumerable<XFile> files, string[] sources)
    {
        CSharpParseOptions parsing = new(LanguageVersion.Latest, DocumentationMode.Diagnose);
        CSharpCompilation compilation = CSharpCompilation.Create(
            $"Stubs{Guid.NewGuid():N}",
            sources.Select((source, i) => CSharpSyntaxTree.ParseText(source, parsing, $"Source{i + 1}.cs")),
            references,
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, generalDiagnosticOption: ReportDiagnostic.Error)
                .WithSpecificDiagnosticOptions([new("CS1591", ReportDiagnostic.Suppress)]));   // the sources of tests need no docstrings
        XFile[] all = [.. files];
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new StubGenerator().AsSourceGenerator()], all.Select(file => new XText(file)), parsing, new XOptions(all));
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        return new(output, diagnostics, driver.GetRunResult());
    }

    private sealed class XText(XFile file) : AdditionalText
    {
        public override string Path => file.Path;

        public override SourceText? GetText(CancellationToken cancellationToken = default) => SourceText.From(file.Text, Encoding.UTF8);
    }

    private sealed class XOptions(XFile[] files) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Options([]);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile)
        {
            XFile file = files.First(one => one.Path == textFile.Path);
            return new Options(new()
            {
                ["build_metadata.AdditionalFiles.RpcNamespace"] = file.Namespace,
                ["build_metadata.AdditionalFiles.RpcIdempotent"] = file.Idempotent,
                ["build_metadata.AdditionalFiles.RpcDefines"] = file.Defines,
                ["build_metadata.AdditionalFiles.RpcStrings"] = file.Strings,
                ["build_metadata.AdditionalFiles.RpcOneWay"] = file.OneWay,
                ["build_metadata.AdditionalFiles.RpcAsync"] = file.Async,
                ["build_metadata.AdditionalFiles.RpcContext"] = file.Context,
            });
        }
    }

    private sealed class Options(Dictionary<string, string> values) : AnalyzerConfigOptions
    {
        public override bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value) =>
            values.TryGetValue(key, out value);
    }
}

/// <summary>The outcome of a compilation.</summary>
/// <param name="Compilation">All sources, including the generated ones.</param>
/// <param name="Problems">The generator's diagnostics.</param>
/// <param name="Result">What it generated.</param>
internal sealed record Compiled(Compilation Compilation, ImmutableArray<Diagnostic> Problems, GeneratorDriverRunResult Result)
{
    /// <summary>The compiled assembly; the test fails if there is an error.</summary>
    public Assembly Load()
    {
        using MemoryStream bytes = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = Compilation.Emit(bytes);
        Assert.That(result.Diagnostics.Concat(Problems).Where(one => one.Severity == DiagnosticSeverity.Error), Is.Empty);
        return Assembly.Load(bytes.ToArray());
    }
}
