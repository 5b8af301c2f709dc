using System.Globalization;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>A function's place and name.</summary>
/// <param name="Address">Its first address.</param>
/// <param name="Length">Its length in bytes; 0 when not known.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct Symbol(ulong Address, ulong Length, string Name);

/// <summary>Functions by their addresses.</summary>
internal sealed class SymbolList
{
    private readonly Symbol[] _symbols;
    private readonly ulong[] _addresses;

    /// <summary>A list of these functions, in any order.</summary>
    public SymbolList(IEnumerable<Symbol> symbols)
    {
        _symbols = [.. symbols.OrderBy(one => one.Address)];
        _addresses = [.. _symbols.Select(one => one.Address)];
    }

    /// <summary>The kernel's functions; empty where the kernel hides their addresses: /proc/sys/kernel/kptr_restrict.</summary>
    public static SymbolList OfKernel()
    {
        // ffffffff81000000 T startup_64 [module]
        const int Address = 0, Type = 1, Name = 2;
        return new(
            from line in File.ReadLines("/proc/kallsyms")
            let fields = line.Split([' ', '\t'], 4)
            where fields[Type] is "t" or "T" or "w" or "W"
            let address = ulong.Parse(fields[Address], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            where address != 0
            select new Symbol(address, 0, fields[Name]));
    }

    /// <summary>The name of the function at an address; null when there is none.</summary>
    public string? Find(ulong address)
    {
        int index = Array.BinarySearch(_addresses, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0)
            return null;
        Symbol symbol = _symbols[index];
        return symbol.Length == 0 || address - symbol.Address < symbol.Length ? symbol.Name : null;
    }
}
