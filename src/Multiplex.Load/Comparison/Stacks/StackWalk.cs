using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>
/// Finds the callers of a function in a copy of its stack: by the unwind information of the file, <see cref="CallFrames"/>, else by the chain of
/// frame pointers.
/// </summary>
internal sealed class StackWalk
{
    /// <summary>
    /// The registers that a sample has to have, as bits of enum perf_event_x86_regs: ax, bx, cx, dx, si, di, bp, sp, ip, and r8 to r15.
    /// </summary>
    public const ulong Registers = 0xFF_01FF;

    private const int MostFrames = 128;
    private const int FramePointer = 6, StackPointer = 7, InstructionPointer = 16;   // DWARF's numbers, as those of the ABI, figure 3.36

    // The places of DWARF's registers in a sample.
    private static readonly int[] s_inSample = [0, 3, 2, 1, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 8];

    private readonly Dictionary<string, ElfFile?> _files = [];
    private readonly ulong[] _registers = new ulong[CallerRules.Count];
    private readonly ulong[] _callers = new ulong[CallerRules.Count];

    /// <summary>Whether samples of this machine's processor can be read.</summary>
    public static bool IsPossible => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Adds the functions of a sample, from the one that ran to the outermost.</summary>
    /// <param name="space">The process's code.</param>
    /// <param name="registers">The registers of the sample, eight bytes each.</param>
    /// <param name="stack">The stack from the stack pointer on, as far as it was copied.</param>
    /// <param name="frames">Takes them.</param>
    /// <returns>Whether the last is the outermost.</returns>
    public bool Add(AddressSpace space, ReadOnlySpan<byte> registers, ReadOnlySpan<byte> stack, List<(string Name, FrameKind Kind)> frames)
    {
        for (int i = 0; i < CallerRules.Count; i++)
            _registers[i] = BinaryPrimitives.ReadUInt64LittleEndian(registers[(s_inSample[i] * sizeof(ulong))..]);
        ulong bottom = _registers[StackPointer];
        for (int i = 0; i < MostFrames; i++)
        {
            // A return address points after the call, and so after the function if the call was its last instruction.
            ulong address = _registers[InstructionPointer] - (i == 0 ? 0u : 1u);
            if (space.Find(address) is not { } mapping)
                return false;
            ElfFile? file = FileOf(mapping.File);
            ulong? inFile = file?.AddressOf(address - mapping.Start + mapping.Offset);
            string name = inFile is { } at && file!.NameOf(at) is { } found ? found : $"[{(mapping.File.Length == 0 ? "code in memory" : Path.GetFileName(mapping.File).Trim('[', ']'))}]";
            frames.Add((name, mapping.File == space.Program ? FrameKind.Program : FrameKind.Library));
            CallerRules? rules = inFile is { } here ? file!.Frames?.Find(here) : null;
            if (rules?.ReturnAddress.Kind == CallerRuleKind.Unknown)
                return true;
            if (!(rules is null ? FollowFramePointer(stack, bottom) : Follow(rules, stack, bottom)))
                return false;
            if (_registers[InstructionPointer] == 0)
                return true;
        }

        return false;
    }

    private bool Follow(CallerRules rules, ReadOnlySpan<byte> stack, ulong bottom)
    {
        if (rules.FrameRegister >= CallerRules.Count)
            return false;
        ulong frame = _registers[rules.FrameRegister] + (ulong)rules.FrameOffset;
        _registers.CopyTo(_callers, 0);
        for (int register = 0; register < CallerRules.Count; register++)
        {
            CallerRule rule = register == InstructionPointer ? rules.ReturnAddress : rules[register];
            if (rule.Kind == CallerRuleKind.Memory)
            {
                if (!TryRead(stack, bottom, frame + (ulong)rule.Value, out _callers[register]))
                    return false;
            }
            else if (rule.Kind == CallerRuleKind.Register && rule.Value < CallerRules.Count)
            {
                _callers[register] = _registers[rule.Value];
            }
        }

        _callers[StackPointer] = frame;
        bool isOutwards = frame > _registers[StackPointer];
        _callers.CopyTo(_registers, 0);
        return isOutwards;
    }

    private bool FollowFramePointer(ReadOnlySpan<byte> stack, ulong bottom)
    {
        ulong frame = _registers[FramePointer];
        if (frame < _registers[StackPointer]
            || !TryRead(stack, bottom, frame, out ulong callers) || !TryRead(stack, bottom, frame + sizeof(ulong), out ulong returnAddress))
        {
            return false;
        }

        (_registers[FramePointer], _registers[StackPointer], _registers[InstructionPointer]) = (callers, frame + (2 * sizeof(ulong)), returnAddress);
        return true;
    }

    private static bool TryRead(ReadOnlySpan<byte> stack, ulong bottom, ulong address, out ulong value)
    {
        value = 0;
        return address >= bottom && address - bottom <= (ulong)stack.Length
            && BinaryPrimitives.TryReadUInt64LittleEndian(stack[(int)(address - bottom)..], out value);
    }

    private ElfFile? FileOf(string path)
    {
        if (!_files.TryGetValue(path, out ElfFile? file))
            _files[path] = file = path.StartsWith('/') ? ElfFile.Open(path) : null;
        return file;
    }
}
