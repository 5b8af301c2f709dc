using System.Globalization;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary>Attributes of files as ls(1) and stat(1) write them.</summary>
internal static class FileText
{
    /// <summary>The letter of a type in find(1) -type, and its name.</summary>
    public static (char Letter, string Name) TypeOf(Ftype3 type) => type switch
    {
        Ftype3.Nf3reg => ('f', "regular file"),
        Ftype3.Nf3dir => ('d', "directory"),
        Ftype3.Nf3lnk => ('l', "symbolic link"),
        Ftype3.Nf3blk => ('b', "block device"),
        Ftype3.Nf3chr => ('c', "character device"),
        Ftype3.Nf3fifo => ('p', "FIFO"),
        Ftype3.Nf3sock => ('s', "socket"),
        _ => ('?', $"type {(int)type}"),
    };

    /// <summary>Type and mode: <c>drwxr-xr-x</c>.</summary>
    public static string Mode(Fattr3 file)
    {
        Span<char> text = stackalloc char[10];
        text[0] = TypeOf(file.Type).Letter is var letter and not 'f' ? letter : '-';
        for (int bit = 0; bit < 9; bit++)
            text[9 - bit] = (file.Mode & (1u << bit)) != 0 ? "xwr"[bit % 3] : '-';
        Special(text, 9, file.Mode & 0x200, 't');   // 01000
        Special(text, 6, file.Mode & 0x400, 's');   // 02000
        Special(text, 3, file.Mode & 0x800, 's');   // 04000
        return new(text);

        static void Special(Span<char> text, int at, uint isSet, char letter)
        {
            if (isSet != 0)
                text[at] = text[at] == 'x' ? letter : char.ToUpperInvariant(letter);
        }
    }

    /// <summary>A time in this machine's zone, to the minute or the nanosecond.</summary>
    public static string Time(Nfstime3 time, bool toNanosecond = false)
    {
        DateTime local = DateTimeOffset.FromUnixTimeSeconds(time.Seconds).LocalDateTime;
        return toNanosecond
            ? string.Create(CultureInfo.InvariantCulture, $"{local:yyyy-MM-dd HH:mm:ss}.{time.Nseconds:D9} {local:zzz}")
            : local.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
    }
}
