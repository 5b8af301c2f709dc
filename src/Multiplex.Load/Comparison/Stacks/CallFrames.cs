using System.Buffers.Binary;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>
/// Where each function of a file saves the registers of its caller: the sections .eh_frame_hdr and .eh_frame, by which exceptions are unwound.
/// Compilers write them with or without frame pointers. System V ABI for x86-64 section 3.7, DWARF 5 section 6.4, LSB "Exception Frames".
/// </summary>
internal sealed class CallFrames
{
    private const int HeaderLength = 12;
    private const int EntryLength = 8;   // of the table: where a function begins, and where its entry is

    private readonly byte[] _table;
    private readonly ulong _tableAddress;
    private readonly byte[] _frames;
    private readonly ulong _framesAddress;
    private readonly int _entries;
    private readonly Dictionary<ulong, CallerRules?> _known = [];

    /// <summary>The two sections and their addresses.</summary>
    public CallFrames(byte[] table, ulong tableAddress, byte[] frames, ulong framesAddress)
    {
        (_table, _tableAddress, _frames, _framesAddress) = (table, tableAddress, frames, framesAddress);

        // Version 1; a pointer of four bytes; a count of four bytes; a table of four bytes each, relative to this section: what all linkers write.
        const uint Usual = 0x3b_03_1b_01;
        if (table.Length >= HeaderLength && BinaryPrimitives.ReadUInt32LittleEndian(table) == Usual)
            _entries = Math.Min(BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(8)), (table.Length - HeaderLength) / EntryLength);
    }

    /// <summary>How to find the caller of the function at an address; null when the file has no entry.</summary>
    public CallerRules? Find(ulong address)
    {
        if (!_known.TryGetValue(address, out CallerRules? rules))
        {
            try
            {
                rules = Read(address);
            }
            catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException)
            {
                rules = null;   // malformed
            }

            _known[address] = rules;
        }

        return rules;
    }

    private CallerRules? Read(ulong address)
    {
        int low = 0, high = _entries;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (InTable(middle, 0) <= address)
                low = middle + 1;
            else
                high = middle;
        }

        if (low == 0)
            return null;
        FrameReader entry = At(InTable(low - 1, 4));
        uint length = entry.U32();
        int end = entry.Position + (int)length, common = entry.Position - (int)entry.U32();
        CommonEntry shared = CommonEntry.Read(new(_frames, _framesAddress, common));
        ulong begin = entry.Pointer(shared.Encoding), span = entry.Pointer(shared.Encoding & 0xF);
        if (address - begin >= span)
            return null;
        if (shared.IsAugmented)
            entry.Skip((int)entry.Uleb());
        CallerRules rules = new(shared.ReturnAddress), initial = rules;
        if (!Run(new(_frames, _framesAddress, shared.Instructions), shared.End, shared, rules, initial, ulong.MaxValue, begin))
            return null;
        initial = rules.Copy();
        return Run(entry, end, shared, rules, initial, address, begin) ? rules : null;
    }

    // Executes the instructions that apply to code up to the address. Returns false when it does not know an instruction.
    private static bool Run(FrameReader code, int end, CommonEntry shared, CallerRules rules, CallerRules initial, ulong address, ulong location)
    {
        Stack<CallerRules> remembered = new();
        while (code.Position < end)
        {
            byte instruction = code.U8();
            int low = instruction & 0x3F;
            switch (instruction & 0xC0)
            {
                case 0x40:   // DW_CFA_advance_loc
                    location += (ulong)low * shared.CodeAlignment;
                    break;
                case 0x80:   // DW_CFA_offset
                    rules.Set(low, CallerRule.At((long)code.Uleb() * shared.DataAlignment));
                    continue;
                case 0xC0:   // DW_CFA_restore
                    rules.Set(low, initial[low]);
                    continue;
                default:
                    switch (instruction)
                    {
                        case 0x00:   // DW_CFA_nop
                            continue;
                        case 0x01:   // DW_CFA_set_loc
                            location = code.Pointer(shared.Encoding);
                            break;
                        case 0x02:   // DW_CFA_advance_loc1
                            location += code.U8() * shared.CodeAlignment;
                            break;
                        case 0x03:   // DW_CFA_advance_loc2
                            location += code.U16() * shared.CodeAlignment;
                            break;
                        case 0x04:   // DW_CFA_advance_loc4
                            location += code.U32() * shared.CodeAlignment;
                            break;
                        case 0x05:   // DW_CFA_offset_extended
                            rules.Set((int)code.Uleb(), CallerRule.At((long)code.Uleb() * shared.DataAlignment));
                            continue;
                        case 0x06:   // DW_CFA_restore_extended
                            int restored = (int)code.Uleb();
                            rules.Set(restored, initial[restored]);
                            continue;
                        case 0x07:   // DW_CFA_undefined
                            rules.Set((int)code.Uleb(), CallerRule.Unknown);
                            continue;
                        case 0x08:   // DW_CFA_same_value
                            rules.Set((int)code.Uleb(), default);
                            continue;
                        case 0x09:   // DW_CFA_register
                            rules.Set((int)code.Uleb(), CallerRule.In((int)code.Uleb()));
                            continue;
                        case 0x0A:   // DW_CFA_remember_state
                            remembered.Push(rules.Copy());
                            continue;
                        case 0x0B:   // DW_CFA_restore_state
                            rules.Take(remembered.Pop());
                            continue;
                        case 0x0C:   // DW_CFA_def_cfa
                            (rules.FrameRegister, rules.FrameOffset) = ((int)code.Uleb(), (long)code.Uleb());
                            continue;
                        case 0x0D:   // DW_CFA_def_cfa_register
                            rules.FrameRegister = (int)code.Uleb();
                            continue;
                        case 0x0E:   // DW_CFA_def_cfa_offset
                            rules.FrameOffset = (long)code.Uleb();
                            continue;
                        case 0x10:   // DW_CFA_expression
                        case 0x16:   // DW_CFA_val_expression
                            rules.Set((int)code.Uleb(), CallerRule.Unknown);
                            code.Skip((int)code.Uleb());
                            continue;
                        case 0x11:   // DW_CFA_offset_extended_sf
                            rules.Set((int)code.Uleb(), CallerRule.At(code.Sleb() * shared.DataAlignment));
                            continue;
                        case 0x12:   // DW_CFA_def_cfa_sf
                            (rules.FrameRegister, rules.FrameOffset) = ((int)code.Uleb(), code.Sleb() * shared.DataAlignment);
                            continue;
                        case 0x13:   // DW_CFA_def_cfa_offset_sf
                            rules.FrameOffset = code.Sleb() * shared.DataAlignment;
                            continue;
                        case 0x2E:   // DW_CFA_GNU_args_size
                            code.Uleb();
                            continue;
                        default:     // DW_CFA_def_cfa_expression, as in a procedure linkage table
                            return false;
                    }

                    break;
            }

            if (location > address)
                return true;
        }

        return true;
    }

    private ulong InTable(int entry, int part) =>
        _tableAddress + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(_table.AsSpan(HeaderLength + (entry * EntryLength) + part));

    private FrameReader At(ulong address) => new(_frames, _framesAddress, checked((int)(address - _framesAddress)));

    /// <summary>The part that the entries of several functions share: a CIE.</summary>
    private readonly record struct CommonEntry(
        ulong CodeAlignment, long DataAlignment, int ReturnAddress, bool IsAugmented, int Encoding, int Instructions, int End)
    {
        public static CommonEntry Read(FrameReader reader)
        {
            int end = (int)reader.U32();
            end += reader.Position;
            reader.Skip(4);   // 0: it is a CIE
            byte version = reader.U8();
            string augmentation = "";
            for (byte letter = reader.U8(); letter != 0; letter = reader.U8())
                augmentation += (char)letter;
            ulong codeAlignment = reader.Uleb();
            long dataAlignment = reader.Sleb();
            int returnAddress = version == 1 ? reader.U8() : (int)reader.Uleb();
            int encoding = 0, instructions = reader.Position;
            bool isAugmented = augmentation.StartsWith('z');
            if (isAugmented)
            {
                instructions = (int)reader.Uleb();
                instructions += reader.Position;
                foreach (char letter in augmentation.AsSpan(1))
                {
                    if (letter == 'R')
                        encoding = reader.U8();
                    else if (letter == 'L')
                        reader.Skip(1);
                    else if (letter == 'P')
                        reader.Pointer(reader.U8());
                }
            }

            return new(codeAlignment, dataAlignment, returnAddress, isAugmented, encoding, instructions, end);
        }
    }
}

/// <summary>How to find a register of the caller: it is unchanged, lost, in memory, or in another register.</summary>
/// <param name="Kind">Which of these.</param>
/// <param name="Value">The offset in memory from the frame's address, or the number of a register.</param>
internal readonly record struct CallerRule(CallerRuleKind Kind, long Value)
{
    public static CallerRule Unknown => new(CallerRuleKind.Unknown, 0);

    public static CallerRule At(long offset) => new(CallerRuleKind.Memory, offset);

    public static CallerRule In(int register) => new(CallerRuleKind.Register, register);
}

/// <summary>See <see cref="CallerRule"/>.</summary>
internal enum CallerRuleKind
{
    Unchanged,
    Unknown,
    Memory,
    Register,
}

/// <summary>How to find the caller of one function from one place in it.</summary>
/// <param name="returnAddress">The number of the register that stands for the return address.</param>
internal sealed class CallerRules(int returnAddress)
{
    /// <summary>Registers that callers are found by: those for integers, and the return address.</summary>
    public const int Count = 17;

    private readonly CallerRule[] _rules = new CallerRule[Count];

    /// <summary>The register from which the frame's address is computed.</summary>
    public int FrameRegister { get; set; }

    /// <summary>The number of bytes to add to the value of that register: the sum is the frame's address.</summary>
    public long FrameOffset { get; set; }

    /// <summary>The rule for the return address.</summary>
    public CallerRule ReturnAddress => this[returnAddress];

    /// <summary>The rule for a register.</summary>
    public CallerRule this[int register] => register < Count ? _rules[register] : CallerRule.Unknown;

    public void Set(int register, CallerRule rule)
    {
        if (register < Count)
            _rules[register] = rule;
    }

    public CallerRules Copy()
    {
        CallerRules copy = new(returnAddress);
        copy.Take(this);
        return copy;
    }

    public void Take(CallerRules other)
    {
        other._rules.CopyTo(_rules, 0);
        (FrameRegister, FrameOffset) = (other.FrameRegister, other.FrameOffset);
    }
}
