using Multiplex.Interop;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>
/// READ, WRITE, COMMIT: RFC 1813 sections 3.3.6, 3.3.7, 3.3.21. Bytes are read from the file into the reply, and written to it from the receive buffer. Where the
/// thread's loop has <see cref="AsyncFiles"/>, calls that wait for a disk are answered later.
/// </summary>
internal sealed class DataProcedures(ServedFiles files)
{
    /// <summary>The most bytes of one READ or WRITE on a stream.</summary>
    public const int MostOnStreams = 1024 * 1024;

    /// <summary>The most bytes of one READ or WRITE in a datagram, and of a directory's entries.</summary>
    public const int MostInDatagrams = 32 * 1024;

    /// <summary>The most bytes of a READ or WRITE over the call's transport.</summary>
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
                status = Read(call, file, offset, (int)Math.Min(count, (uint)Most(call.Peer)), results.Output);
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
                status = Write(call, file, offset, data[..Math.Min(data.Length, MostOnStreams)], stable, results.Output, ref before, out written);
            if (results.Output.Late is null)
                WriteReply(results, status, before, file, (uint)written, stable, files.Verifier);
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Commit(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        arguments.ReadUInt64();   // the range: the whole file is committed, which includes it
        arguments.ReadUInt32();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Before before = default;
        Nfsstat3 status = files.Open(call, handle, Purpose.Change, out FileLease file);
        using (file)
        {
            if (status == Nfsstat3.Nfs3Ok)
                status = Commit(call, file, results.Output, ref before);
            if (results.Output.Late is null)
                CommitReply(results, status, before, file, files.Verifier);
        }

        return AcceptStatus.Success;
    }

    /// <summary>Writes the results of WRITE.</summary>
    public static void WriteReply(
        XdrWriter results, Nfsstat3 status, in Before before, in FileLease file, uint written, StableHow stable, WriteVerifier verifier)
    {
        NfsReply.Status(results, status);
        NfsReply.Wcc(results, before, file);
        if (status != Nfsstat3.Nfs3Ok)
            return;
        results.WriteUInt32(written);
        results.WriteUInt32((uint)stable);
        results.WriteUInt64(verifier.Value);
    }

    /// <summary>Writes the results of COMMIT.</summary>
    public static void CommitReply(XdrWriter results, Nfsstat3 status, in Before before, in FileLease file, WriteVerifier verifier)
    {
        NfsReply.Status(results, status);
        NfsReply.Wcc(results, before, file);
        if (status == Nfsstat3.Nfs3Ok)
            results.WriteUInt64(verifier.Value);
    }

    private Nfsstat3 Read(in RpcCall call, in FileLease file, ulong offset, int count, OutputBuffer reply)
    {
        Nfsstat3 status = Regular(file, out statx_t attributes);
        if (status == Nfsstat3.Nfs3Ok)
            status = file.MayRead(attributes);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        int fd = file.File.ForReading();
        if (fd < 0)
            return NfsStatus.Of(-fd);

        // No more room than the file's length: clients ask for the maximum whatever the length is.
        long left = offset >= attributes.stx_size ? 0 : (long)(attributes.stx_size - offset);
        count = (int)Math.Min(count, left);
        int start = reply.Length;
        Span<byte> data = ReadReply.Begin(reply, count);
        AsyncFiles? ring = AsyncFiles.OfThisThread;
        int length = ring is null ? ReadAll(fd, data, (long)offset) : (int)preadv2(fd, data, (long)offset, RWF_NOWAIT).Value;
        if (ring is null && length < 0)
            return NfsStatus.Of(-length);
        if (ring is null || length == count)
            ReadReply.End(reply, start, length, attributes, offset, file.File.Export);
        else
            reply.Late = LateRead.Begin(call, ring, files.Files, file.File, fd, offset, count, attributes);   // it waits for a disk
        return Nfsstat3.Nfs3Ok;
    }

    // The count, which is less than asked for at the end of the file or before an error; or the negative errno.
    private static int ReadAll(int fd, Span<byte> data, long offset)
    {
        int length = 0;
        while (length < data.Length)
        {
            SyscallResult read = pread(fd, data[length..], offset + length);
            if (read.IsError && length == 0)
                return (int)read.Value;
            if (read.Value <= 0)
                break;
            length += (int)read.Value;
        }

        return length;
    }

    private Nfsstat3 Write(
        in RpcCall call, in FileLease file, ulong offset, ReadOnlySpan<byte> data, StableHow stable, OutputBuffer reply, ref Before before, out int written)
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
            if (AsyncFiles.OfThisThread is { } ring)
            {
                reply.Late = LateWrite.Begin(call, ring, files, file.File, fd, offset, data, stable, before);
                return Nfsstat3.Nfs3Ok;
            }

            while (written < data.Length)
            {
                SyscallResult result = pwrite(fd, data[written..], (long)offset + written);
                if (result.IsError && written == 0)
                    return NfsStatus.Of(result);
                if (result.Value <= 0)
                    break;   // the part that fits was written, and the reply has its length
                written += (int)result.Value;
            }
        }

        if (stable == StableHow.Unstable)
            return Nfsstat3.Nfs3Ok;
        Nfsstat3 kept = files.Keep(fd);
        files.Files.EndWriting(file.File);
        return kept;
    }

    private Nfsstat3 Commit(in RpcCall call, in FileLease file, OutputBuffer reply, ref Before before)
    {
        Nfsstat3 status = Regular(file, out statx_t attributes);
        if (status == Nfsstat3.Nfs3Ok)
            status = file.MayWrite(attributes);
        if (status != Nfsstat3.Nfs3Ok)
            return status;
        before = Before.Of(attributes);
        int fd = file.File.ForSyncing();
        if (fd < 0)
            return NfsStatus.Of(-fd);
        if (AsyncFiles.OfThisThread is { } ring)
        {
            reply.Late = LateCommit.Begin(call, ring, files, file.File, fd, before);
            return Nfsstat3.Nfs3Ok;
        }

        status = files.Keep(fd);
        files.Files.EndWriting(file.File);
        return status;
    }

    private static Nfsstat3 Regular(in FileLease file, out statx_t attributes)
    {
        Nfsstat3 status = NfsStatus.Of(file.Status(out attributes));
        return status != Nfsstat3.Nfs3Ok ? status : (attributes.stx_mode & S_IFMT) switch
        {
            S_IFREG => Nfsstat3.Nfs3Ok,
            S_IFDIR => Nfsstat3.Nfs3errIsdir,
            _ => Nfsstat3.Nfs3errInval,
        };
    }
}
