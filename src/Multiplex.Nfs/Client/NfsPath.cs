using System.Buffers;
using System.Text;

namespace Multiplex.Nfs.Client;

/// <summary>
/// A path on a server, relative to the mounted directory: names separated by "/". Names are bytes, as on Linux, and need not be UTF-8. A string stands
/// for its UTF-8 bytes. A "/" at the beginning or the end, "." and empty names are ignored; "" is the mounted directory.
/// </summary>
/// <param name="bytes">The bytes of the path.</param>
public readonly struct NfsPath(ReadOnlyMemory<byte> bytes)
{
    /// <summary>The bytes of the path.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <summary>The path in UTF-8.</summary>
    public static implicit operator NfsPath(string path) => new(Encoding.UTF8.GetBytes(path));

    /// <summary>The path of these bytes.</summary>
    public static implicit operator NfsPath(byte[] path) => new(path);

    /// <summary>The names, from the first directory to the file.</summary>
    public byte[][] Names()
    {
        List<byte[]> names = [];
        ReadOnlySpan<byte> path = Bytes.Span;
        foreach (Range part in path.Split((byte)'/'))
        {
            if (path[part] is not [] and not [(byte)'.'])
                names.Add(path[part].ToArray());
        }

        return [.. names];
    }

    /// <summary>The path of a file in this directory.</summary>
    /// <param name="name">Its name, or a path from here.</param>
    public NfsPath Combine(ReadOnlySpan<byte> name) => new((byte[])[.. Bytes.Span.TrimEnd((byte)'/'), .. Bytes.IsEmpty ? ""u8 : "/"u8, .. name]);

    /// <summary>As text: what is not UTF-8 is written \xNN.</summary>
    public override string ToString() => TextOf(Bytes.Span);

    /// <summary>A name or path as text: what is not UTF-8 is written \xNN.</summary>
    public static string TextOf(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        while (!bytes.IsEmpty)
        {
            bool isUtf8 = Rune.DecodeFromUtf8(bytes, out Rune rune, out int count) == OperationStatus.Done;
            text.Append(isUtf8 ? $"{rune}" : $"\\x{bytes[0]:x2}");
            bytes = bytes[(isUtf8 ? count : 1)..];
        }

        return text.ToString();
    }

    /// <summary>The directory that a file is in, and its name there.</summary>
    /// <exception cref="ArgumentException">The path has no name, or the last one is "..".</exception>
    internal (byte[][] Directory, byte[] Name) Split() => Names() switch
    {
        [.. var directory, var name] when !name.AsSpan().SequenceEqual(".."u8) => (directory, name),
        _ => throw new ArgumentException($"the path '{this}' ends with no name of a file"),
    };
}
