using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>sattr3 of RFC 1813 section 2.6: the attributes that a client sets, with their values.</summary>
internal readonly struct NewAttributes
{
    private const uint Unchanged = uint.MaxValue;   // for chown(2)
    private const uint ModeBits = 0xFFF;
    private const uint SpecialBits = 0xE00;         // set-user-id, set-group-id, sticky

    private NewAttributes(ref XdrReader arguments)
    {
        Mode = arguments.ReadBool() ? arguments.ReadUInt32() & ModeBits : null;
        Uid = arguments.ReadBool() ? arguments.ReadUInt32() : null;
        Gid = arguments.ReadBool() ? arguments.ReadUInt32() : null;
        Size = arguments.ReadBool() ? arguments.ReadUInt64() : null;
        AccessTime = ReadTime(ref arguments);
        ModificationTime = ReadTime(ref arguments);
    }

    /// <summary>The permissions; null: unchanged.</summary>
    public uint? Mode { get; }

    /// <summary>The owner.</summary>
    public uint? Uid { get; }

    /// <summary>The group.</summary>
    public uint? Gid { get; }

    /// <summary>The length in bytes.</summary>
    public ulong? Size { get; }

    private timespec AccessTime { get; }

    private timespec ModificationTime { get; }

    /// <summary>Whether times and size are valid.</summary>
    public bool AreSound => IsTime(AccessTime) && IsTime(ModificationTime) && Size is null or <= long.MaxValue;

    /// <summary>Reads them.</summary>
    public static NewAttributes Read(ref XdrReader arguments) => new(ref arguments);

    /// <summary>Sets all but the size.</summary>
    /// <param name="fd">The file; O_PATH may have opened it.</param>
    /// <param name="status">Its attributes before.</param>
    public Nfsstat3 Set(int fd, in statx_t status)
    {
        if (Uid is not null || Gid is not null)
        {
            // A call that sets the same owner must still clear the set-user-id bit, as chown(2) does.
            SyscallResult owned = fchownat(fd, ExportedDirectory.Here, Uid ?? Unchanged, Gid ?? Unchanged, AT_EMPTY_PATH);
            if (owned.IsError)
                return NfsStatus.Of(owned);
        }

        if (Mode is { } mode && (status.stx_mode & S_IFMT) != S_IFLNK)   // a symbolic link has no permissions
        {
            SyscallResult changed = chmod(ProcPath.Of(fd, stackalloc byte[ProcPath.MaxLength]), mode);
            if (changed.IsError)
                return NfsStatus.Of(changed);
        }

        return SetTimes(fd);
    }

    /// <summary>
    /// Sets the attributes that a new file did not get when it was made. Only root may change the owner: for other callers, owner and group are those that the kernel
    /// has set, whatever they ask for.
    /// </summary>
    /// <param name="fd">The file.</param>
    /// <param name="status">Its attributes as it was made.</param>
    public Nfsstat3 Complete(int fd, in statx_t status)
    {
        bool owns = FileSystemUser.Current.IsRoot;
        uint uid = owns && Uid is { } user && user != status.stx_uid ? user : Unchanged;
        uint gid = owns && Gid is { } group && group != status.stx_gid ? group : Unchanged;
        if (uid != Unchanged || gid != Unchanged)
        {
            SyscallResult owned = fchownat(fd, ExportedDirectory.Here, uid, gid, AT_EMPTY_PATH);
            if (owned.IsError)
                return NfsStatus.Of(owned);
        }

        if (Mode is { } mode && (mode & SpecialBits) != 0 && (status.stx_mode & S_IFMT) != S_IFLNK)
        {
            SyscallResult changed = chmod(ProcPath.Of(fd, stackalloc byte[ProcPath.MaxLength]), mode);
            if (changed.IsError)
                return NfsStatus.Of(changed);
        }

        return SetTimes(fd);
    }

    private Nfsstat3 SetTimes(int fd) => AccessTime.tv_nsec == UTIME_OMIT && ModificationTime.tv_nsec == UTIME_OMIT
        ? Nfsstat3.Nfs3Ok
        : NfsStatus.Of(utimensat(fd, ExportedDirectory.Here, AccessTime, ModificationTime, AT_EMPTY_PATH));

    private static bool IsTime(in timespec time) => time.tv_nsec is < 1_000_000_000 or UTIME_NOW or UTIME_OMIT;

    // A client's nanoseconds must not be one of the kernel's special values, UTIME_NOW and UTIME_OMIT.
    private static timespec ReadTime(ref XdrReader arguments)
    {
        switch ((TimeHow)arguments.ReadEnumOfRange((int)TimeHow.DontChange, (int)TimeHow.SetToClientTime))
        {
            case TimeHow.SetToServerTime:
                return new() { tv_nsec = UTIME_NOW };
            case TimeHow.SetToClientTime:
                uint seconds = arguments.ReadUInt32(), nanoseconds = arguments.ReadUInt32();
                return new() { tv_sec = seconds, tv_nsec = nanoseconds < 1_000_000_000 ? nanoseconds : int.MaxValue };
            default:
                return new() { tv_nsec = UTIME_OMIT };
        }
    }
}
