using Multiplex.Sockets;

namespace Multiplex.Load.Workload.Files;

/// <summary>A procedure of NFS, RFC 1813, that a load calls.</summary>
public enum FileCall
{
    /// <summary>The attributes of a file.</summary>
    Getattr,

    /// <summary>The handle of a file by its name.</summary>
    Lookup,

    /// <summary>Bytes of a file, at a multiple of their number.</summary>
    Read,

    /// <summary>WRITE as UNSTABLE, of the bytes that the file already has there, so that the file does not change.</summary>
    Write,

    /// <summary>A part of a directory, with attributes and handles.</summary>
    Readdirplus,
}

/// <summary>The operations of a load of NFS: procedures with their weights, sizes of READ and WRITE with theirs, and the files.</summary>
/// <param name="Calls">The procedures.</param>
/// <param name="Sizes">Bytes of a READ or WRITE: at least 1, and no more than a file has.</param>
public sealed record FileMix(IReadOnlyList<Weighted<FileCall>> Calls, IReadOnlyList<Weighted<int>> Sizes)
{
    /// <summary>Bytes of a reply to READDIRPLUS at most, and of what it lists.</summary>
    public const int ListBytes = 32 << 10;

    /// <summary>How procedures are written.</summary>
    public const string Forms = "getattr, lookup, read, write, readdirplus";

    /// <summary>The usual number of files.</summary>
    public const int UsualFiles = 256;

    /// <summary>The usual number of directories.</summary>
    public const int UsualDirectories = 4;

    /// <summary>The usual length of a file in bytes, if no READ or WRITE is longer.</summary>
    public const int UsualFileBytes = 64 << 10;

    /// <summary>The most bytes of a READ or WRITE on a kind of socket.</summary>
    public static int MostBytes(EndpointKind kind) => kind.IsDatagram() ? 32 << 10 : 1 << 20;

    /// <summary>The operations that clients of a file server use most, in about the proportions of real clients.</summary>
    public static IReadOnlyList<Weighted<FileCall>> UsualCalls { get; } =
        [new(FileCall.Getattr, 40), new(FileCall.Lookup, 25), new(FileCall.Read, 20), new(FileCall.Write, 10), new(FileCall.Readdirplus, 5)];

    /// <summary>How many files there are: at least 1.</summary>
    public int Files { get; init; } = UsualFiles;

    /// <summary>Over how many directories they are spread evenly: at least 1, and no more than <see cref="Files"/>.</summary>
    public int Directories { get; init; } = UsualDirectories;

    /// <summary>Bytes of each file.</summary>
    public int FileBytes { get; init; } = UsualFileBytes;

    /// <summary>Whether READ or WRITE is among the procedures.</summary>
    public bool HasData => Calls.Any(call => call.Value is FileCall.Read or FileCall.Write);

    /// <summary>Reads the name of a procedure.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be one.</exception>
    public static FileCall Parse(string text) => Enum.TryParse(text, ignoreCase: true, out FileCall call) && char.IsAsciiLetter(text[0])
        ? call
        : throw new FormatException($"'{text}' is no procedure: write {Forms}");

    /// <summary>The name of a procedure.</summary>
    public static string NameOf(FileCall call) => call.ToString().ToLowerInvariant();
}
