namespace Multiplex.Nfs.Exports;

/// <summary>/proc/self/mountinfo of proc_pid_mountinfo(5).</summary>
internal static class MountTable
{
    /// <summary>The type of the file system of a mount, such as ext4; null where the table has no such mount.</summary>
    /// <param name="mount">The mount's id, as statx(2) tells it.</param>
    public static string? TypeOf(ulong mount)
    {
        string start = $"{mount} ";
        string? line = File.ReadLines("/proc/self/mountinfo").FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal));
        return line?.Split(" - ")[1].Split(' ')[0];
    }
}
