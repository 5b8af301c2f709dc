using System.Buffers.Binary;
using System.Text;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>A program or library, elf(5): the names of its functions, and how to find a function's caller.</summary>
internal sealed class ElfFile
{
    private const int HeaderLength = 64, SegmentLength = 56, SectionLength = 64, SymbolLength = 24;
    private const uint SymbolTable = 2, DynamicSymbols = 11;   // SHT_SYMTAB, SHT_DYNSYM

    private readonly (ulong Offset, ulong Length, ulong Address)[] _segments;
    private readonly (ulong From, ulong To) _managed;
    private readonly SymbolList _symbols;

    private ElfFile(
        (ulong Offset, ulong Length, ulong Address)[] segments, (ulong From, ulong To) managed, SymbolList symbols, CallFrames? frames) =>
        (_segments, _managed, _symbols, Frames) = (segments, managed, symbols, frames);

    /// <summary>How to find callers; null when the file does not say.</summary>
    public CallFrames? Frames { get; }

    /// <summary>Reads a file; null when it is not a 64-bit ELF file, or cannot be read.</summary>
    public static ElfFile? Open(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] header = Read(file, 0, HeaderLength);
            const int Class = 4, Data = 5, SixtyFourBits = 2, LittleEndian = 1;
            if (!header.AsSpan().StartsWith("\u007fELF"u8) || header[Class] != SixtyFourBits || header[Data] != LittleEndian)
                return null;
            ulong sectionsAt = U64(header, 40);
            byte[] segments = Read(file, U64(header, 32), SegmentLength * U16(header, 56));
            byte[] sections = Read(file, sectionsAt, SectionLength * U16(header, 60));
            return new(
                [.. Loaded(segments)],
                Find(file, sections, U16(header, 62), "__managedcode") is { } code ? (code.Address, code.Address + code.Length) : default,
                Symbols(file, sections),
                Find(file, sections, U16(header, 62), ".eh_frame_hdr") is { } table && Find(file, sections, U16(header, 62), ".eh_frame") is { } frames
                    ? new(Read(file, table.Offset, (int)table.Length), table.Address, Read(file, frames.Offset, (int)frames.Length), frames.Address)
                    : null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or OverflowException)
        {
            return null;
        }
    }

    /// <summary>The program's own address for a byte of the file; null when it is not loaded.</summary>
    public ulong? AddressOf(ulong offset)
    {
        foreach ((ulong from, ulong length, ulong address) in _segments)
        {
            if (offset >= from && offset - from < length)
                return address + (offset - from);
        }

        return null;
    }

    /// <summary>The name of the function at an address; null when it has none.</summary>
    public string? NameOf(ulong address) =>
        _symbols.Find(address) is not { } name ? null
        : address >= _managed.From && address < _managed.To ? ManagedName.Of(name)
        : name;

    private static IEnumerable<(ulong Offset, ulong Length, ulong Address)> Loaded(byte[] segments)
    {
        const uint Load = 1;
        for (int at = 0; at < segments.Length; at += SegmentLength)
        {
            if (U32(segments, at) == Load)
                yield return (U64(segments, at + 8), U64(segments, at + 32), U64(segments, at + 16));
        }
    }

    private static Section? Find(FileStream file, byte[] sections, int namesAt, string name)
    {
        Section names = new(sections, namesAt);
        byte[] text = Read(file, names.Offset, (int)names.Length);
        for (int i = 0; i < sections.Length / SectionLength; i++)
        {
            Section section = new(sections, i);
            if (section.Type != 0 && Text(text, section.Name) == name)
                return section;
        }

        return null;
    }

    private static SymbolList Symbols(FileStream file, byte[] sections)
    {
        const int Function = 2, IndirectFunction = 10;   // STT_FUNC, STT_GNU_IFUNC
        List<Symbol> symbols = [];
        for (int i = 0; i < sections.Length / SectionLength; i++)
        {
            Section section = new(sections, i);
            if (section.Type is not (SymbolTable or DynamicSymbols))
                continue;
            Section names = new(sections, section.Link);
            byte[] table = Read(file, section.Offset, (int)section.Length), text = Read(file, names.Offset, (int)names.Length);
            for (int at = 0; at + SymbolLength <= table.Length; at += SymbolLength)
            {
                bool isDefined = U16(table, at + 6) != 0;
                if (isDefined && (table[at + 4] & 0xF) is Function or IndirectFunction)
                    symbols.Add(new(U64(table, at + 8), U64(table, at + 16), Text(text, U32(table, at))));
            }
        }

        return new(symbols);
    }

    private static byte[] Read(FileStream file, ulong offset, int length)
    {
        byte[] bytes = new byte[length];
        file.Position = (long)offset;
        file.ReadExactly(bytes);
        return bytes;
    }

    private static string Text(byte[] text, uint at) => Encoding.UTF8.GetString(text.AsSpan((int)at)[..text.AsSpan((int)at).IndexOf((byte)0)]);

    private static ushort U16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    /// <summary>An entry of the section header table.</summary>
    private readonly struct Section(byte[] sections, int index)
    {
        private readonly int _at = index * SectionLength;

        public uint Name => U32(sections, _at);

        public uint Type => U32(sections, _at + 4);

        public ulong Address => U64(sections, _at + 16);

        public ulong Offset => U64(sections, _at + 24);

        public ulong Length => U64(sections, _at + 32);

        public int Link => (int)U32(sections, _at + 40);
    }
}
