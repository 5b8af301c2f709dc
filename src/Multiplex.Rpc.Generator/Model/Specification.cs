namespace Multiplex.Rpc.Generator.Model;

/// <summary>Where something stands in a source: a file, and a line and column from 1.</summary>
internal readonly record struct Position(string File, int Line, int Column);

/// <summary>All that one source defines.</summary>
internal sealed class Specification(string file)
{
    /// <summary>The source.</summary>
    public string File { get; } = file;

    /// <summary>Whether it is C#, whose names have other scopes, and whose bounds are attributes.</summary>
    public bool IsCSharp { get; init; }

    public List<ConstantDefinition> Constants { get; } = [];

    public List<DefinedType> Types { get; } = [];

    public List<ProgramDefinition> Programs { get; } = [];

    /// <summary>Numbers that the file gives to C alone, by <c>%#define</c>: bounds may name them.</summary>
    public Dictionary<string, decimal> DefinesForC { get; set; } = [];

    /// <summary>Whether its strings are bytes in C#, which need not be UTF-8.</summary>
    public bool StringsAreBytes { get; init; }

    /// <summary>Names whose definitions could not be read: that they are not defined is no second mistake.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>Other sources whose definitions it uses.</summary>
    public List<Specification> Imports { get; } = [];

    /// <summary>What the class with the constants is called in C#.</summary>
    public string ConstantsName { get; set; } = "Constants";
}

/// <summary>A constant: a number, or a string.</summary>
internal sealed class ConstantDefinition(string name, Position position, Constant? number, string? text)
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public Constant? Number { get; } = number;

    public string? Text { get; } = text;

    public string CSharpName { get; set; } = name;
}

internal sealed class ProgramDefinition(string name, Position position, Constant number, IReadOnlyList<VersionDefinition> versions)
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public Constant Number { get; } = number;

    public IReadOnlyList<VersionDefinition> Versions { get; } = versions;
}

internal sealed class VersionDefinition(string name, Position position, Constant number, IReadOnlyList<ProcedureDefinition> procedures)
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public Constant Number { get; } = number;

    public IReadOnlyList<ProcedureDefinition> Procedures { get; } = procedures;

    /// <summary>What the class with its numbers is called in C#; those of the client and the server begin with it.</summary>
    public string CSharpName { get; set; } = name;

    /// <summary>The accessibility of the classes.</summary>
    public string Access { get; init; } = "public";

    /// <summary>The interface that is the contract, as it is named everywhere; null where it is made with the stubs, and called I and the version's name.</summary>
    public string? Contract { get; init; }
}

internal sealed class ProcedureDefinition(
    string name, Position position, Constant number, XdrType result, IReadOnlyList<Declaration> arguments)
{
    public string Name { get; } = name;

    public Position Position { get; } = position;

    public Constant Number { get; } = number;

    public XdrType Result { get; } = result;

    public IReadOnlyList<Declaration> Arguments { get; } = arguments;

    public string CSharpName { get; set; } = name;

    /// <summary>Whether to run it twice does no more than to run it once.</summary>
    public bool IsIdempotent { get; set; }

    /// <summary>Whether callers await no reply.</summary>
    public bool IsOneWay { get; set; }

    /// <summary>Whether it records its result in the transaction of its effect.</summary>
    public bool IsTransactional { get; set; }

    /// <summary>Whether it is known to take its thread a few microseconds at most.</summary>
    public bool IsQuick { get; set; }

    /// <summary>Its method in the contract.</summary>
    public ContractMethod Method { get; set; } = new();
}

/// <summary>A procedure's method in the contract.</summary>
internal sealed class ContractMethod
{
    /// <summary>Its name; null for that of the procedure, with Async behind it if it returns a task.</summary>
    public string? Name { get; init; }

    public ContractReturn Returns { get; init; }

    /// <summary>Its parameters in their order; null for the arguments and what <see cref="HasContext"/> and <see cref="HasToken"/> say.</summary>
    public IReadOnlyList<ContractParameter>? Parameters { get; init; }

    /// <summary>Whether the caller's context is a parameter.</summary>
    public bool HasContext { get; init; }

    /// <summary>Whether a token is the last parameter.</summary>
    public bool HasToken { get; init; }

    /// <summary>Whether the result is written in C# as a span.</summary>
    public bool ReturnsSpan { get; init; }
}

/// <summary>A parameter of a contract's method.</summary>
/// <param name="Role">What it is.</param>
/// <param name="Argument">Which argument, from 0; of a context or a token, nothing.</param>
/// <param name="IsSpan">Whether it is written as a span.</param>
internal readonly record struct ContractParameter(ContractRole Role, int Argument = 0, bool IsSpan = false);

/// <summary>What a parameter of a contract's method is.</summary>
internal enum ContractRole
{
    /// <summary>An argument of the procedure.</summary>
    Argument,

    /// <summary>The call as the server sees it.</summary>
    Context,

    /// <summary>By which the call is cancelled.</summary>
    Token,
}

/// <summary>How a contract's method returns its result.</summary>
internal enum ContractReturn
{
    /// <summary>As it is.</summary>
    Plain,

    /// <summary>In a Task.</summary>
    Task,

    /// <summary>In a ValueTask.</summary>
    ValueTask,
}
