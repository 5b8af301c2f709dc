using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Multiplex.Rpc.Generator;

/// <summary>Problems as the compiler and the editor show them, at their line in the source.</summary>
internal static class Diagnostics
{
    private static readonly DiagnosticDescriptor s_syntax = Error("MXRPC001", "The RPC language is not followed");
    private static readonly DiagnosticDescriptor s_unknown = Error("MXRPC002", "A name is not defined");
    private static readonly DiagnosticDescriptor s_duplicate = Error("MXRPC003", "A name or number is used twice");
    private static readonly DiagnosticDescriptor s_unsupported = Error("MXRPC004", "Something cannot be expressed");
    private static readonly DiagnosticDescriptor s_unbounded =
        new("MXRPC005", "Data are not bounded", "{0}", "Multiplex.Rpc", DiagnosticSeverity.Info, isEnabledByDefault: true);

    public static Diagnostic Of(Problem problem)
    {
        LinePosition start = new(Math.Max(problem.Position.Line - 1, 0), Math.Max(problem.Position.Column - 1, 0));
        Location location = Location.Create(problem.Position.File, new TextSpan(0, 0), new LinePositionSpan(start, start));
        return Diagnostic.Create(DescriptorOf(problem.Kind), location, problem.Message);
    }

    private static DiagnosticDescriptor DescriptorOf(ProblemKind kind) => kind switch
    {
        ProblemKind.Syntax => s_syntax,
        ProblemKind.Unknown => s_unknown,
        ProblemKind.Duplicate => s_duplicate,
        ProblemKind.Unsupported => s_unsupported,
        _ => s_unbounded,
    };

    private static DiagnosticDescriptor Error(string id, string title) =>
        new(id, title, "{0}", "Multiplex.Rpc", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
