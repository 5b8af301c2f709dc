using System.Globalization;
using System.Text.RegularExpressions;

namespace Multiplex.Nfs.Exports;

/// <summary>/proc/self/mountinfo of proc_pid_mountinfo(5).</summary>
internal static partial class MountTable
{
    private const int MountId = 0, MountPoint = 4;   // the fields of a line

    private static IEnumerable<string> Lines => File.ReadLines("/proc/self/mountinfo");

    /// <summary>The type of the file system of a mount, such as ext4; null if the table has no such mount.</summary>
    /// <param name="mount">The mount's id, as from statx(2).</param>
    public static string? TypeOf(ulong mount)
    {
        string start = $"{mount} ";
        string? line = Lines.FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal));
        return line?.Split(" - ")[1].Split(' ')[0];
    }

    /// <summary>What is mounted below a directory.</summary>
    /// <param name="directory">Its path, without a slash at its end.</param>
    public static IEnumerable<(ulong Mount, string Path)> Below(string directory) =>
        from line in Lines
        let fields = line.Split(' ')
        let path = Escaped().Replace(fields[MountPoint], match => $"{(char)Convert.ToInt32(match.Groups[1].Value, 8)}")
        where path.StartsWith($"{directory}/", StringComparison.Ordinal) && path.Length > directory.Length + 1
        select (ulong.Parse(fields[MountId], CultureInfo.InvariantCulture), path);

    // Space, tab, newline and backslash are written in octal.
    [GeneratedRegex(@"\\([0-7]{3})")]
    private static partial Regex Escaped();
}
