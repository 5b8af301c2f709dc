using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Client;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">Its name: any bytes but "/" and NUL.</param>
/// <param name="FileId">The file's number in its file system: its inode.</param>
/// <param name="Attributes">Its attributes; null if the server's list has none.</param>
/// <param name="Handle">Its handle; null if the server's list has none.</param>
public sealed record NfsEntry(byte[] Name, ulong FileId, Fattr3? Attributes, NfsFh3? Handle)
{
    /// <summary>The name as text: what is not UTF-8 is written \xNN.</summary>
    public override string ToString() => NfsPath.TextOf(Name);
}
