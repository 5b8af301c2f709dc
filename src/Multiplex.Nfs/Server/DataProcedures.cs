using System.Buffers.Binary;
using Multiplex.Interop;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>
/// READ, WRITE, COMMIT: RFC 1813 sections 3.3.6, 3.3.7, 3.3.21. Bytes are read from the file into the reply, and written to it from where they were received.
/// </summary>
internal sealed class DataProcedures(ServedFiles files)
{
    /// <summary>The most bytes of one READ or WRITE on a stream.</summary>
    public const int MostOnStreams = 1024 * 1024;

    /// <summary>The most bytes of one READ or WRITE in a datagram, and of a directory's entries.</summary>
    public const int MostInDatagrams = 32 * 1024;

    /// <summary>The most bytes of a READ or WRITE that come by this way.</summary>
    public static int Most(in Peer peer) => peer.Kind.IsStream() ? MostOnStreams : MostInDatagrams;

    public AcceptStatus Read(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        ulong offset = arguments.ReadUInt64();
        uint count = arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        int start = results.Output.Length;
        Nfsstat3 status = files.Open(call, handle, Purpose.Use, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = Read(file, offset, (int)Math.Min(count, (uint)Most(call.Peer)), results.Output);
            if (status != Nfsstat3.Nfs3Ok)
            {
                results.Output.Truncate(start);
                NfsReply.Status(results, status);
                NfsReply.PostOp(results, file);
            }
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Write(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        ulong offset = arguments.ReadUInt64();
        uint count = arguments.ReadUInt32();
        StableHow stable = (StableHow)arguments.ReadEnumOfRange((int)StableHow.Unstable, (int)StableHow.FileSync);
        ReadOnlySpan<byte> data = arguments.ReadOpaque(int.MaxValue);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before before = default;
        int written = 0;
        Nfsstat3 status = files.Open(call, handle, Purpose.Change, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok && count != (uint)data.Length)
                status = Nfsstat3.Nfs3errInval;
            if (status == Nfsstat3.Nfs3Ok)
                status = Write(file, offset, data[..Math.Min(data.Length, MostOnStreams)], stable, ref before, out written);
            NfsReply.Status(results, status);
            NfsReply.Wcc(results, before, file);
            if (status == Nfsstat3.Nfs3Ok)
            {
                results.WriteUInt32((uint)written);
                results.WriteUInt32((uint)stable);
                results.WriteUInt64(files.Verifier.Value);
            }
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Commit(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        arguments.ReadUInt64();   // the range: all of the file is committed, which is never less
        arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        statx_t attributes = default;
        Before before = default;
        Nfsstat3 status = files.Open(call, handle, Purpose.Change, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(file.Status(out attributes));
            if (status == Nfsstat3.Nfs3Ok)
            {
                before = Before.Of(attributes);
                status = Commit(file, attributes);
            }

            NfsReply.Status(results, status);
            NfsReply.Wcc(results, before, file);
            if (status == Nfsstat3.Nfs3Ok)
                results.WriteUInt64(files.Verifier.Value);
        }

        return AcceptStatus.Success;
    }

    // Status, attributes, count and eof stand before the data, and are known after them.
    private static Nfsstat3 Read(in FileLease file, ulong offset, int count, OutputBuffer reply)
    {
        const int Head = sizeof(uint) + NfsReply.PostOpLength + (3 * sizeof(uint));
        Nfsstat3 status = Regular(file, out statx_t attributes);
        if (status == Nfsstat3.Nfs3Ok)
            status = file.MayRead(attributes);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        int fd = file.File.ForReading();
        if (fd < 0)
            return NfsStatus.Of(-fd);

        // No more room than the file has bytes: a client asks for the most whatever the length is.
        long left = offset >= attributes.stx_size ? 0 : (long)(attributes.stx_size - offset);
        count = (int)Math.Min(count, left);
        int start = reply.Length, length = 0;
        Span<byte> room = reply.Append(Head + count + XdrReader.Padding(count));
        Span<byte> data = room.Slice(Head, count);
        while (length < count)
        {
            SyscallResult read = pread(fd, data[length..], (long)offset + length);
            if (read.IsError && length == 0)
                return NfsStatus.Of(read);
            if (read.Value <= 0)
                break;
            length += (int)read.Value;
        }

        BinaryPrimitives.WriteUInt32BigEndian(room, (uint)Nfsstat3.Nfs3Ok);
        BinaryPrimitives.WriteUInt32BigEndian(room[4..], 1);
        NfsReply.Attributes(room[8..], attributes, file.File.Export);
        Span<byte> tail = room[(sizeof(uint) + NfsReply.PostOpLength)..];
        BinaryPrimitives.WriteUInt32BigEndian(tail, (uint)length);
        BinaryPrimitives.WriteUInt32BigEndian(tail[4..], offset + (ulong)length >= attributes.stx_size ? 1u : 0);
        BinaryPrimitives.WriteUInt32BigEndian(tail[8..], (uint)length);
        int padding = XdrReader.Padding(length);
        room.Slice(Head + length, padding).Clear();
        reply.Truncate(start + Head + length + padding);
        return Nfsstat3.Nfs3Ok;
    }

    private Nfsstat3 Write(in FileLease file, ulong offset, ReadOnlySpan<byte> data, StableHow stable, ref Before before, out int written)
    {
        written = 0;
        int fd;
        lock (file.File.Changing)
        {
            Nfsstat3 status = Regular(file, out statx_t attributes);
            if (status == Nfsstat3.Nfs3Ok)
                status = file.MayWrite(attributes);
            if (status != Nfsstat3.Nfs3Ok)
                return status;
            before = Before.Of(attributes);
            if (offset > long.MaxValue - (ulong)data.Length)
                return Nfsstat3.Nfs3errFbig;
            fd = file.File.ForWriting();
            if (fd < 0)
                return NfsStatus.Of(-fd);
            while (written < data.Length)
            {
                SyscallResult result = pwrite(fd, data[written..], (long)offset + written);
                if (result.IsError && written == 0)
                    return NfsStatus.Of(result);
                if (result.Value <= 0)
                    break;   // what fits was written, and the reply says how much that is
                written += (int)result.Value;
            }
        }

        if (stable == StableHow.Unstable)
            return Nfsstat3.Nfs3Ok;
        Nfsstat3 kept = files.Keep(fd);
        files.Files.EndWriting(file.File);
        return kept;
    }

    private Nfsstat3 Commit(in FileLease file, in statx_t attributes)
    {
        Nfsstat3 status = TypeOfFile(attributes);
        if (status == Nfsstat3.Nfs3Ok)
            status = file.MayWrite(attributes);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        int fd = file.File.ForSyncing();
        status = fd < 0 ? NfsStatus.Of(-fd) : files.Keep(fd);
        files.Files.EndWriting(file.File);
        return status;
    }

    private static Nfsstat3 Regular(in FileLease file, out statx_t attributes)
    {
        Nfsstat3 status = NfsStatus.Of(file.Status(out attributes));
        return status == Nfsstat3.Nfs3Ok ? TypeOfFile(attributes) : status;
    }

    private static Nfsstat3 TypeOfFile(in statx_t attributes) => (attributes.stx_mode & S_IFMT) switch
    {
        S_IFREG => Nfsstat3.Nfs3Ok,
        S_IFDIR => Nfsstat3.Nfs3errIsdir,
        _ => Nfsstat3.Nfs3errInval,
    };
}
