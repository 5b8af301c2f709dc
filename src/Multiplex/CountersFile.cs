using System.Buffers.Binary;
using System.Text;

namespace Multiplex;

/// <summary>
/// A server's counters as another process reads them, without knowing what the server counts: their names are in the file. It is a line of
/// 64 bytes for the file, then one for each counter. All numbers are in the machine's byte order (little-endian on every platform
/// that .NET runs on).
/// </summary>
/// <remarks>
/// The file's line: the eight bytes <c>MPXCOUNT</c>, the version of the layout (1) in four bytes, the number of counters in four, the server's
/// process in four. A counter's line: its value in eight bytes, signed, then its name in ASCII, ended by a zero byte.
/// </remarks>
public sealed class CountersFile : IDisposable
{
    /// <summary>The name of the file in memory that a server without <c>--counters</c> has.</summary>
    public const string Name = "multiplex-counters";

    private const int Line = 64, NameAt = 8;
    private const int VersionAt = 8, CountAt = 12, ProcessAt = 16;
    private const int Version = 1, MostCounters = 10_000;

    private readonly SharedMemory _memory;

    private CountersFile(SharedMemory memory, string[] names) => (_memory, Names) = (memory, names);

    private static ReadOnlySpan<byte> Magic => "MPXCOUNT"u8;

    /// <summary>The counters' names, in the order of the file.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The server's first process.</summary>
    public int Process => BinaryPrimitives.ReadInt32LittleEndian(_memory.Bytes[ProcessAt..]);

    /// <summary>Opens a file that a server keeps its counters in: <c>serve --counters FILE</c>.</summary>
    /// <exception cref="Interop.SyscallException">The file or the mapping was refused.</exception>
    /// <exception cref="IOException">It is no file of counters, or of another version.</exception>
    public static CountersFile Open(string path)
    {
        int count;
        using (SharedMemory head = SharedMemory.OpenReadOnly(path, Line))
        {
            if (!head.Bytes[..Magic.Length].SequenceEqual(Magic))
                throw new IOException($"{path} is no file of counters");
            int version = BinaryPrimitives.ReadInt32LittleEndian(head.Bytes[VersionAt..]);
            count = BinaryPrimitives.ReadInt32LittleEndian(head.Bytes[CountAt..]);
            if (version != Version || count is < 0 or > MostCounters)
                throw new IOException($"{path} has counters in version {version} of the layout; this program reads version {Version}");
        }

        SharedMemory memory = SharedMemory.OpenReadOnly(path, SizeOf(count));
        return new(memory, NamesIn(memory.Bytes));
    }

    /// <summary>Opens the counters of a running server.</summary>
    /// <param name="pid">Its first process, or one that it has forked.</param>
    /// <exception cref="IOException">There is no such process, it is another user's, or it has no counters.</exception>
    public static CountersFile OfProcess(int pid)
    {
        try
        {
            foreach (string descriptor in Directory.EnumerateFiles($"/proc/{pid}/fd"))
            {
                if (File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name.StartsWith($"memfd:{Name}", StringComparison.Ordinal) == true)
                    return Open(descriptor);
            }

            if (FileOf(File.ReadAllText($"/proc/{pid}/cmdline").Split('\0')) is { } file)
                return Open(Path.Combine(File.ResolveLinkTarget($"/proc/{pid}/cwd", returnFinalTarget: false)?.FullName ?? "/", file));
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            throw new IOException($"there is no process {pid}", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"process {pid} is another user's", e);
        }

        throw new IOException($"process {pid} is no multiplex serve");
    }

    /// <summary>The values now, by their names.</summary>
    public IReadOnlyDictionary<string, long> Read() =>
        Names.Select((name, i) => (name, Value: Volatile.Read(ref _memory.Word(OffsetOf(i))))).ToDictionary(one => one.name, one => one.Value);

    /// <summary>Unmaps it.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>The length of a file of so many counters, in bytes.</summary>
    internal static int SizeOf(int counters) => OffsetOf(counters);

    /// <summary>The offset of a counter's value.</summary>
    internal static int OffsetOf(int counter) => (1 + counter) * Line;

    /// <summary>The names in a file, in its order.</summary>
    internal static string[] NamesIn(ReadOnlySpan<byte> bytes)
    {
        string[] names = new string[BinaryPrimitives.ReadInt32LittleEndian(bytes[CountAt..])];
        for (int i = 0; i < names.Length; i++)
            names[i] = NameOf(bytes.Slice(OffsetOf(i) + NameAt, Line - NameAt));
        return names;
    }

    /// <summary>Writes the file's line and the names.</summary>
    internal static void Describe(Span<byte> bytes, IReadOnlyList<string> names)
    {
        for (int i = 0; i < names.Count; i++)
            Encoding.ASCII.GetBytes(names[i], bytes.Slice(OffsetOf(i) + NameAt, Line - NameAt - 1));
        BinaryPrimitives.WriteInt32LittleEndian(bytes[VersionAt..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[CountAt..], names.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[ProcessAt..], Environment.ProcessId);
        Magic.CopyTo(bytes);
    }

    private static string NameOf(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes[..(bytes.IndexOf((byte)0) is >= 0 and var end ? end : bytes.Length)]);

    private static string? FileOf(string[] arguments)
    {
        const string Option = "--counters";
        int at = Array.IndexOf(arguments, Option);
        return at >= 0 && at + 1 < arguments.Length
            ? arguments[at + 1]
            : arguments.FirstOrDefault(one => one.StartsWith($"{Option}=", StringComparison.Ordinal))?[(Option.Length + 1)..];
    }
}
