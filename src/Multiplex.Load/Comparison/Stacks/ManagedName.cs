using System.Text.RegularExpressions;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>Names of methods as the compiler of native binaries writes them: ASSEMBLY_NAMESPACE_TYPE__METHOD, dots as underscores.</summary>
internal static partial class ManagedName
{
    /// <summary>TYPE.METHOD of such a name; the name itself if it is none.</summary>
    public static string Of(string symbol)
    {
        int end = EndOfType(symbol);
        if (end < 0)
            return symbol;
        string type = LastWord(symbol[..end]), method = symbol[(end + 2)..];
        if (Lambda().Match(method) is { Success: true } lambda)
            method = lambda.Groups["local"].Success ? $"{lambda.Groups["method"].Value}.{lambda.Groups["local"].Value}" : $"{lambda.Groups["method"].Value} (lambda)";
        else if (StateMachine().Match(method) is { Success: true } machine)
            method = machine.Groups["method"].Value;
        int generic = method.IndexOf('<');
        return $"{type}.{(generic < 0 ? method : method[..generic]).Trim('_')}";
    }

    // Where the first two underscores in a row are, outside of the arguments of generic types.
    private static int EndOfType(string symbol)
    {
        int depth = 0;
        for (int i = 1; i + 2 < symbol.Length; i++)
        {
            depth += symbol[i] switch { '<' => 1, '>' => -1, _ => 0 };
            if (depth == 0 && symbol[i] == '_' && symbol[i + 1] == '_')
                return i;
        }

        return -1;
    }

    // List of …_Generic_List_1<Int64>.
    private static string LastWord(string type)
    {
        string plain = Arity().Replace(type, "");
        return plain[(plain.LastIndexOf('_') + 1)..] is { Length: > 0 } word ? word : type;
    }

    [GeneratedRegex("^_c_+(DisplayClass[0-9_]+)?_+(?<method>[A-Za-z0-9]+)_(b_|g__(?<local>[A-Za-z0-9]+))")]
    private static partial Regex Lambda();

    [GeneratedRegex("^_(?<method>[A-Za-z0-9]+)_d__[0-9]+.*MoveNext")]
    private static partial Regex StateMachine();

    [GeneratedRegex("(_[0-9]+)?(<.*>)?$")]
    private static partial Regex Arity();
}
