using Microsoft.CodeAnalysis;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Interfaces;

/// <summary>What is asked of the compiler's symbols.</summary>
internal static class Symbols
{
    private const string Space = "Multiplex.Rpc.";

    public const string Program = Space + "RpcProgramAttribute", Struct = Space + "XdrStructAttribute", Union = Space + "XdrUnionAttribute";

    public const string Procedure = Space + "ProcedureAttribute", Case = Space + "XdrCaseAttribute", Default = Space + "XdrDefaultAttribute";

    public const string Bytes = Space + "XdrBytesAttribute", Max = Space + "XdrMaxLengthAttribute", Fixed = Space + "XdrFixedAttribute";

    public const string Context = Space + "RpcContext", Token = "System.Threading.CancellationToken";

    private const string ServedProgram = Space + "Server.IRpcProgram";

    private const string Task = "System.Threading.Tasks.Task", ValueTask = "System.Threading.Tasks.ValueTask";

    /// <summary>Whether a project can serve: it references Multiplex.Rpc, and not Multiplex.Rpc.Client alone.</summary>
    public static bool HaveServer(Compilation compilation) => compilation.GetTypeByMetadataName(ServedProgram) is not null;

    /// <summary>How a method returns its result.</summary>
    /// <param name="type">What it returns.</param>
    /// <param name="result">Receives the result, or void.</param>
    public static ContractReturn ReturnOf(ITypeSymbol type, out ITypeSymbol? result)
    {
        string name = type.OriginalDefinition.ToDisplayString();
        ContractReturn kind = name is Task or Task + "<TResult>" ? ContractReturn.Task
            : name is ValueTask or ValueTask + "<TResult>" ? ContractReturn.ValueTask
            : ContractReturn.Plain;
        result = kind == ContractReturn.Plain ? type : ((INamedTypeSymbol)type).TypeArguments.FirstOrDefault();
        return kind;
    }

    public static bool IsSpan(ITypeSymbol type) => type is INamedTypeSymbol { Name: "ReadOnlySpan" };

    /// <summary>Whether other code of the assembly can name it.</summary>
    public static bool CanBeNamed(INamedTypeSymbol symbol)
    {
        for (INamedTypeSymbol? one = symbol; one is not null; one = one.ContainingType)
        {
            if (one.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal) || one.IsFileLocal || one.IsGenericType)
                return false;
        }

        return true;
    }

    /// <summary>The attribute of that name, or null.</summary>
    public static AttributeData? Find(IEnumerable<AttributeData> attributes, string name) =>
        attributes.FirstOrDefault(one => one.AttributeClass?.ToDisplayString() == name);

    public static bool Has(ISymbol symbol, string name) => Find(symbol.GetAttributes(), name) is not null;

    /// <summary>The first argument of an attribute as a number.</summary>
    public static long Number(AttributeData attribute) =>
        attribute.ConstructorArguments.Length > 0 && attribute.ConstructorArguments[0].Kind != TypedConstantKind.Array
            ? ToNumber(attribute.ConstructorArguments[0].Value)
            : 0;

    /// <summary>A named argument of an attribute, or null.</summary>
    public static object? Named(AttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(one => one.Key == name).Value.Value;

    public static long ToNumber(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        ulong large => unchecked((long)large),
        null => 0,
        _ => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>Public, if it can be used from everywhere.</summary>
    public static string AccessOf(INamedTypeSymbol symbol)
    {
        for (INamedTypeSymbol? one = symbol; one is not null; one = one.ContainingType)
        {
            if (one.DeclaredAccessibility != Accessibility.Public)
                return "internal";
        }

        return "public";
    }

    public static string KeywordOf(INamedTypeSymbol symbol) => symbol.IsRecord ? "record" : "class";

    public static Position PositionOf(ISymbol symbol)
    {
        FileLinePositionSpan place = symbol.Locations.FirstOrDefault(one => one.IsInSource)?.GetLineSpan() ?? default;
        return new(place.Path ?? "", place.StartLinePosition.Line + 1, place.StartLinePosition.Character + 1);
    }

    /// <summary>Whether a place is within what declares a symbol.</summary>
    public static bool IsWithin(ISymbol symbol, Position position) => symbol.DeclaringSyntaxReferences
        .Select(reference => reference.SyntaxTree.GetLineSpan(reference.Span))
        .Any(place => place.Path == position.File && position.Line - 1 >= place.StartLinePosition.Line && position.Line - 1 <= place.EndLinePosition.Line);

    public static Constant Constant(long value, Position position) =>
        new(value.ToString(System.Globalization.CultureInfo.InvariantCulture), position, value);
}
