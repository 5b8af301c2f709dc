using System.Buffers.Binary;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>Parts of many results: attributes, and attributes before a change.</summary>
internal static class NfsReply
{
    /// <summary>Bytes of fattr3.</summary>
    public const int AttributesLength = 84;

    /// <summary>Bytes of post_op_attr with attributes.</summary>
    public const int PostOpLength = sizeof(uint) + AttributesLength;

    /// <summary>Writes a status.</summary>
    public static void Status(XdrWriter results, Nfsstat3 status) => results.WriteUInt32((uint)status);

    /// <summary>Writes fattr3.</summary>
    public static void Attributes(XdrWriter results, in statx_t status, ExportedDirectory export) =>
        Attributes(results.Output.Append(AttributesLength), status, export);

    /// <summary>Writes fattr3 to a buffer.</summary>
    public static void Attributes(Span<byte> room, in statx_t status, ExportedDirectory export)
    {
        export.Reported(status);
        Span<byte> at = room[..AttributesLength];
        BinaryPrimitives.WriteUInt32BigEndian(at, (uint)TypeOf(status));
        BinaryPrimitives.WriteUInt32BigEndian(at[4..], status.stx_mode & 0xFFFu);
        BinaryPrimitives.WriteUInt32BigEndian(at[8..], status.stx_nlink);
        BinaryPrimitives.WriteUInt32BigEndian(at[12..], status.stx_uid);
        BinaryPrimitives.WriteUInt32BigEndian(at[16..], status.stx_gid);
        BinaryPrimitives.WriteUInt64BigEndian(at[20..], status.stx_size);
        BinaryPrimitives.WriteUInt64BigEndian(at[28..], status.stx_blocks * 512);
        BinaryPrimitives.WriteUInt32BigEndian(at[36..], status.stx_rdev_major);
        BinaryPrimitives.WriteUInt32BigEndian(at[40..], status.stx_rdev_minor);
        BinaryPrimitives.WriteUInt64BigEndian(at[44..], export.Id);
        BinaryPrimitives.WriteUInt64BigEndian(at[52..], status.stx_ino);
        Time(at[60..], status.stx_atime);
        Time(at[68..], status.stx_mtime);
        Time(at[76..], status.stx_ctime);
    }

    /// <summary>Writes post_op_attr of a file as it is now; none if they cannot be read.</summary>
    public static void PostOp(XdrWriter results, in FileLease file)
    {
        statx_t status = default;
        bool known = file.IsOpen && !ExportedDirectory.StatusOf(file.File.Path, out status).IsError;
        results.WriteBool(known);
        if (known)
            Attributes(results, status, file.File.Export);
    }

    /// <summary>Writes post_op_attr with these attributes.</summary>
    public static void PostOp(XdrWriter results, in statx_t status, ExportedDirectory export)
    {
        results.WriteBool(true);
        Attributes(results, status, export);
    }

    /// <summary>Writes wcc_data: a file's attributes before a change and now.</summary>
    public static void Wcc(XdrWriter results, in Before before, in FileLease file)
    {
        before.Write(results);
        PostOp(results, file);
    }

    /// <summary>Writes the results of CREATE, MKDIR, SYMLINK and MKNOD, which are the same.</summary>
    public static void Made(XdrWriter results, Nfsstat3 status, in statx_t made, ReadOnlySpan<byte> handle, in Before before, in FileLease directory)
    {
        Status(results, status);
        if (status == Nfsstat3.Nfs3Ok)
        {
            results.WriteBool(true);
            results.WriteOpaque(handle);
            PostOp(results, made, directory.File.Export);
        }

        Wcc(results, before, directory);
    }

    /// <summary>ftype3 of a file.</summary>
    public static Ftype3 TypeOf(in statx_t status) => (status.stx_mode & S_IFMT) switch
    {
        S_IFDIR => Ftype3.Nf3dir,
        S_IFBLK => Ftype3.Nf3blk,
        S_IFCHR => Ftype3.Nf3chr,
        S_IFLNK => Ftype3.Nf3lnk,
        S_IFSOCK => Ftype3.Nf3sock,
        S_IFIFO => Ftype3.Nf3fifo,
        _ => Ftype3.Nf3reg,
    };

    // nfstime3 cannot hold times before 1970 and after 2106.
    private static void Time(Span<byte> at, in statx_timestamp time)
    {
        BinaryPrimitives.WriteUInt32BigEndian(at, (uint)Math.Clamp(time.tv_sec, 0, uint.MaxValue));
        BinaryPrimitives.WriteUInt32BigEndian(at[4..], time.tv_nsec);
    }
}

/// <summary>A file's attributes before a call changed it: pre_op_attr.</summary>
internal readonly struct Before
{
    private readonly bool _isKnown;
    private readonly ulong _size;
    private readonly statx_timestamp _modified, _changed;

    private Before(in statx_t status) => (_isKnown, _size, _modified, _changed) = (true, status.stx_size, status.stx_mtime, status.stx_ctime);

    /// <summary>Takes them from these attributes.</summary>
    public static Before Of(in statx_t status) => new(status);

    /// <summary>Takes those of a file as it is now; unknown while a write is in progress, which may change them meanwhile.</summary>
    public static Before Of(in FileLease file) =>
        file.IsOpen && !file.File.IsBeingWritten && !ExportedDirectory.StatusOf(file.File.Path, out statx_t status).IsError ? new(status) : default;

    /// <summary>Writes it.</summary>
    public void Write(XdrWriter results)
    {
        results.WriteBool(_isKnown);
        if (!_isKnown)
            return;
        results.WriteUInt64(_size);
        WriteTime(results, _modified);
        WriteTime(results, _changed);
    }

    private static void WriteTime(XdrWriter results, in statx_timestamp time)
    {
        results.WriteUInt32((uint)Math.Clamp(time.tv_sec, 0, uint.MaxValue));
        results.WriteUInt32(time.tv_nsec);
    }
}
