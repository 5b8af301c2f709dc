using Multiplex.Interop;
using Multiplex.Nfs.Protocol;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>The status of NFS for a failed system call: nfsstat3 of RFC 1813 section 2.6.</summary>
internal static class NfsStatus
{
    /// <summary>The status of a call's result.</summary>
    public static Nfsstat3 Of(SyscallResult result) => result.IsError ? Of(result.Errno) : Nfsstat3.Nfs3Ok;

    /// <summary>The status of an errno.</summary>
    public static Nfsstat3 Of(int errno) => errno switch
    {
        EPERM => Nfsstat3.Nfs3errPerm,
        ENOENT => Nfsstat3.Nfs3errNoent,
        EIO => Nfsstat3.Nfs3errIo,
        ENXIO => Nfsstat3.Nfs3errNxio,
        EACCES or ETXTBSY or EBUSY => Nfsstat3.Nfs3errAcces,
        EEXIST => Nfsstat3.Nfs3errExist,
        EXDEV => Nfsstat3.Nfs3errXdev,
        ENODEV => Nfsstat3.Nfs3errNodev,
        ENOTDIR => Nfsstat3.Nfs3errNotdir,
        EISDIR => Nfsstat3.Nfs3errIsdir,
        EINVAL => Nfsstat3.Nfs3errInval,
        EFBIG or EOVERFLOW => Nfsstat3.Nfs3errFbig,
        ENOSPC => Nfsstat3.Nfs3errNospc,
        EROFS => Nfsstat3.Nfs3errRofs,
        EMLINK => Nfsstat3.Nfs3errMlink,
        ENAMETOOLONG => Nfsstat3.Nfs3errNametoolong,
        ENOTEMPTY => Nfsstat3.Nfs3errNotempty,
        EDQUOT => Nfsstat3.Nfs3errDquot,
        ESTALE => Nfsstat3.Nfs3errStale,
        EREMOTE => Nfsstat3.Nfs3errRemote,
        EOPNOTSUPP => Nfsstat3.Nfs3errNotsupp,
        ELOOP => Nfsstat3.Nfs3errInval,
        EAGAIN or EMFILE or ENFILE or ENOMEM => Nfsstat3.Nfs3errJukebox,   // the client waits, and repeats the call
        _ => Nfsstat3.Nfs3errIo,
    };
}
