using Multiplex.Interop;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>A READ, WRITE or COMMIT whose reply comes later, once the kernel has completed the operation. Until then the call uses the file.</summary>
internal abstract class LateFileCall : LateResults, IFileOperation
{
    private readonly OpenFiles _files;

    protected LateFileCall(in RpcCall call, AsyncFiles ring, OpenFiles files, CachedFile file, int fd)
        : base(call)
    {
        (Ring, _files, File, Descriptor) = (ring, files, file, fd);
        files.Hold(file);
    }

    protected AsyncFiles Ring { get; }

    protected CachedFile File { get; }

    protected int Descriptor { get; }

    protected FileLease Lease => new(_files, File);

    public void Completed(int result)
    {
        if (result is -EINTR or -EAGAIN)
            Submit();
        else if (IsOver(result))
            Finish();
    }

    // The kernel completes what it has begun, also after the client has disconnected.
    protected override void Cancel(bool hasEnded)
    {
    }

    /// <summary>Submits the remaining operation to the kernel.</summary>
    protected abstract void Submit();

    /// <summary>Handles a result of the kernel.</summary>
    /// <returns>Whether the reply is written; otherwise a further operation was submitted.</returns>
    protected abstract bool IsOver(int result);

    private void Finish()
    {
        _files.Release(File);
        End();
    }
}

/// <summary>A READ that waits for a disk.</summary>
internal sealed class LateRead : LateFileCall
{
    private readonly ulong _offset;
    private readonly statx_t _attributes;
    private readonly int _count, _start;
    private int _length;

    private LateRead(in RpcCall call, AsyncFiles ring, OpenFiles files, CachedFile file, int fd, ulong offset, int count, in statx_t attributes)
        : base(call, ring, files, file, fd)
    {
        (_offset, _count, _attributes) = (offset, count, attributes);
        _start = Begin(ReadReply.Head + count).Output.Length;
        ReadReply.Begin(Reply, count);
        Bytes = count;
    }

    public static LateRead Begin(
        in RpcCall call, AsyncFiles ring, OpenFiles files, CachedFile file, int fd, ulong offset, int count, in statx_t attributes)
    {
        LateRead read = new(call, ring, files, file, fd, offset, count, attributes);
        read.Submit();
        return read;
    }

    protected override void Submit() =>
        Ring.Read(Descriptor, Reply.RewriteLater(_start + ReadReply.Head + _length, _count - _length), (long)_offset + _length, this);

    protected override bool IsOver(int result)
    {
        _length += Math.Max(result, 0);
        if (result > 0 && _length < _count)
        {
            Submit();
            return false;
        }

        if (result >= 0 || _length > 0)
        {
            ReadReply.End(Reply, _start, _length, _attributes, _offset, File.Export);
            return true;
        }

        Reply.Truncate(_start);
        XdrWriter results = new(Reply);
        NfsReply.Status(results, NfsStatus.Of(-result));
        NfsReply.PostOp(results, Lease);
        return true;
    }
}

/// <summary>A WRITE.</summary>
internal sealed class LateWrite : LateFileCall
{
    private readonly ServedFiles _served;
    private readonly OutputBuffer _data;
    private readonly ulong _offset;
    private readonly StableHow _stable;
    private readonly Before _before;
    private readonly AsyncWrite _write;
    private int _written;
    private bool _isSynchronizing;

    private LateWrite(
        in RpcCall call, AsyncFiles ring, ServedFiles served, CachedFile file, int fd, ulong offset, ReadOnlySpan<byte> data, StableHow stable, in Before before)
        : base(call, ring, served.Files, file, fd)
    {
        (_served, _offset, _stable, _before) = (served, offset, stable, before);
        _data = new(Math.Min(data.Length, OutputBuffer.UsuallyKept));
        _data.Write(data);   // the receive buffer is used for other calls meanwhile
        _write = file.BeginWriting();
        Bytes = data.Length;
    }

    public static LateWrite Begin(
        in RpcCall call, AsyncFiles ring, ServedFiles served, CachedFile file, int fd, ulong offset, ReadOnlySpan<byte> data, StableHow stable, in Before before)
    {
        LateWrite write = new(call, ring, served, file, fd, offset, data, stable, before);
        write.Submit();
        return write;
    }

    protected override void Submit()
    {
        if (_isSynchronizing)
            Ring.Sync(Descriptor, this);
        else
            Ring.Write(Descriptor, _data.RewriteLater(_written, _data.Length - _written), (long)_offset + _written, this);
    }

    protected override bool IsOver(int result)
    {
        if (_isSynchronizing)
        {
            Nfsstat3 kept = _served.Kept(result < 0 ? SyscallResult.Failed(-result) : default);
            _served.Files.EndWriting(File);
            WriteReply(kept);
            return true;
        }

        _written += Math.Max(result, 0);
        bool goesOn = result > 0 && _written < _data.Length;
        _isSynchronizing = !goesOn && _stable != StableHow.Unstable && (result >= 0 || _written > 0);
        if (goesOn || _isSynchronizing)
            Submit();
        else
            WriteReply(result < 0 && _written == 0 ? NfsStatus.Of(-result) : Nfsstat3.Nfs3Ok);   // the part that fits was written, and the reply has its length
        return !goesOn && !_isSynchronizing;
    }

    private void WriteReply(Nfsstat3 status)
    {
        _data.Clear(keep: 0);
        bool wasAlone = File.EndWriting(_write);
        DataProcedures.WriteReply(
            Begin(NfsReply.PostOpLength * 2), status, wasAlone ? _before : default, Lease, (uint)_written, _stable, _served.Verifier);
    }
}

/// <summary>A COMMIT.</summary>
internal sealed class LateCommit : LateFileCall
{
    private readonly ServedFiles _served;
    private readonly Before _before;
    private readonly AsyncWrite _write;

    private LateCommit(in RpcCall call, AsyncFiles ring, ServedFiles served, CachedFile file, int fd, in Before before)
        : base(call, ring, served.Files, file, fd) => (_served, _before, _write) = (served, before, file.BeginWriting());

    public static LateCommit Begin(in RpcCall call, AsyncFiles ring, ServedFiles served, CachedFile file, int fd, in Before before)
    {
        LateCommit commit = new(call, ring, served, file, fd, before);
        commit.Submit();
        return commit;
    }

    protected override void Submit() => Ring.Sync(Descriptor, this);

    protected override bool IsOver(int result)
    {
        Nfsstat3 status = _served.Kept(result < 0 ? SyscallResult.Failed(-result) : default);
        _served.Files.EndWriting(File);
        bool wasAlone = File.EndWriting(_write);
        DataProcedures.CommitReply(Begin(NfsReply.PostOpLength * 2), status, wasAlone ? _before : default, Lease, _served.Verifier);
        return true;
    }
}
