using System.Text.RegularExpressions;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Client;

/// <summary>A server answered an operation of NFS or MOUNT with a status other than OK, or with an invalid reply.</summary>
public sealed partial class NfsException : IOException
{
    /// <summary>Describes the failure.</summary>
    /// <param name="operation">The procedure, such as "LOOKUP".</param>
    /// <param name="path">What it was about.</param>
    /// <param name="status">The server's answer.</param>
    /// <param name="explanation">A remedy; null if there is none to name.</param>
    public NfsException(string operation, NfsPath path, Nfsstat3 status, string? explanation = null)
        : this(operation, path, status, NameOf(status), explanation)
    {
    }

    private NfsException(string operation, NfsPath path, Nfsstat3 status, string name, string? explanation)
        : base($"{operation} {(path.Bytes.IsEmpty ? "/" : path)}: {MeaningOf(status)} ({name}){(explanation is null ? "" : $": {explanation}")}") =>
        (Operation, Path, Status, StatusName) = (operation, path, status, name);

    /// <summary>The procedure, such as "LOOKUP".</summary>
    public string Operation { get; }

    /// <summary>What it was about.</summary>
    public NfsPath Path { get; }

    /// <summary>The server's status; a status of MOUNT is given as that of NFS with the same number.</summary>
    public Nfsstat3 Status { get; }

    /// <summary>The name of the status in RFC 1813, such as "NFS3ERR_NOENT" or "MNT3ERR_ACCES".</summary>
    public string StatusName { get; }

    /// <summary>The failure of an operation of MOUNT. Its statuses have the same numbers as those of NFS.</summary>
    internal static NfsException Of(string operation, NfsPath path, Mountstat3 status, string? explanation) =>
        new(operation, path, (Nfsstat3)(int)status, NameOf($"{status}"), explanation);

    /// <summary>The name of a status in RFC 1813, such as "NFS3ERR_NOENT".</summary>
    public static string NameOf(Nfsstat3 status) => NameOf($"{status}");

    // Nfs3errBadCookie is NFS3ERR_BAD_COOKIE.
    private static string NameOf(string member) =>
        char.IsAsciiLetter(member[0]) ? WordStart().Replace(member, "_$0").ToUpperInvariant() : $"status {member}";

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex WordStart();

    private static string MeaningOf(Nfsstat3 status) => status switch
    {
        Nfsstat3.Nfs3errPerm => "not the owner",
        Nfsstat3.Nfs3errNoent => "no such file or directory",
        Nfsstat3.Nfs3errIo => "an input or output error on the server",
        Nfsstat3.Nfs3errNxio or Nfsstat3.Nfs3errNodev => "no such device",
        Nfsstat3.Nfs3errAcces => "permission denied",
        Nfsstat3.Nfs3errExist => "it exists",
        Nfsstat3.Nfs3errXdev => "it is on another file system",
        Nfsstat3.Nfs3errNotdir => "not a directory",
        Nfsstat3.Nfs3errIsdir => "a directory",
        Nfsstat3.Nfs3errInval => "an argument that the server does not accept",
        Nfsstat3.Nfs3errFbig => "the file would be too large",
        Nfsstat3.Nfs3errNospc => "no space left on the server",
        Nfsstat3.Nfs3errRofs => "read-only",
        Nfsstat3.Nfs3errMlink => "too many hard links",
        Nfsstat3.Nfs3errNametoolong => "a name is too long",
        Nfsstat3.Nfs3errNotempty => "the directory is not empty",
        Nfsstat3.Nfs3errDquot => "the quota is used up",
        Nfsstat3.Nfs3errStale => "the file is gone",
        Nfsstat3.Nfs3errBadhandle => "a handle that is none",
        Nfsstat3.Nfs3errBadCookie => "the directory has changed meanwhile",
        Nfsstat3.Nfs3errNotsupp => "not supported by the server",
        Nfsstat3.Nfs3errToosmall => "too small a reply was asked for",
        Nfsstat3.Nfs3errServerfault => "the server failed",
        Nfsstat3.Nfs3errBadtype => "a type of file that the server does not support",
        Nfsstat3.Nfs3errJukebox => "the server is still not ready",
        _ => "refused by the server",
    };
}
