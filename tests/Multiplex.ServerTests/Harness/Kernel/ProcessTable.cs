using System.Globalization;
using System.Text;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>A process as proc(5) shows it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Parent">Its parent's id.</param>
/// <param name="State">Its state: R, S, D, Z for a zombie, and so on.</param>
internal sealed record ProcessEntry(int Id, int Parent, char State)
{
    public bool IsZombie => State == 'Z';
}

/// <summary>The processes of this machine: proc(5).</summary>
internal static class ProcessTable
{
    /// <summary>Every process there is.</summary>
    public static IEnumerable<ProcessEntry> All() =>
        Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), out int id) ? Find(id) : null)
            .OfType<ProcessEntry>();

    /// <summary>The process with this id, or null.</summary>
    public static ProcessEntry? Find(int id)
    {
        if (Read($"/proc/{id}/stat") is not { } stat)
            return null;

        // "pid (name) state ppid …": the name may have any characters, so the fields are read from the last parenthesis on.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return new(id, int.Parse(fields[1], CultureInfo.InvariantCulture), fields[0][0]);
    }

    /// <summary>The children of a process, zombies too.</summary>
    public static List<ProcessEntry> ChildrenOf(int id) => [.. All().Where(process => process.Parent == id)];

    /// <summary>Living processes whose environment, as it was when their program started, has this entry.</summary>
    public static List<ProcessEntry> WithEnvironment(string entry) =>
        [.. All().Where(process => !process.IsZombie && (Read($"/proc/{process.Id}/environ") ?? "").Split('\0').Contains(entry))];

    /// <summary>Resident memory that is not mapped from a file, in bytes; 0 when the process is gone.</summary>
    public static long ResidentBytes(int id) => Bytes(id, "RssAnon:");

    /// <summary>Resident memory, mapped files such as program code included, in bytes; 0 when the process is gone.</summary>
    public static long ResidentBytesWithFiles(int id) => Bytes(id, "VmRSS:");

    /// <summary>Whether a signal is pending for the process.</summary>
    public static bool HasPending(int id, int signal) =>
        Status(id, "ShdPnd:") is { } mask
        && (ulong.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;

    private static long Bytes(int id, string field) =>
        long.TryParse(Status(id, field)?.Split(' ')[0], out long kilobytes) ? kilobytes * 1024 : 0;

    private static string? Status(int id, string field) =>
        Read($"/proc/{id}/status")?.Split('\n')
            .FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal))?[field.Length..].Trim();

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path, Encoding.Latin1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;   // it ended meanwhile, or belongs to another user
        }
    }
}
