using System.Runtime.CompilerServices;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Nfs.Client;

/// <summary>
/// A file on a server, which can be read and written at any offset by one caller at a time. Data are written as UNSTABLE and kept until COMMIT; if the server
/// has restarted meanwhile, as the write verifier shows, they are written again.
/// </summary>
public sealed class NfsFile : IAsyncDisposable
{
    private const uint LeastBlock = 512;   // bytes
    private const int MostCommits = 10;

    private readonly NfsClient _client;
    private readonly Queue<Task> _writing = [];
    private readonly List<Block> _uncommitted = [];
    private long _uncommittedBytes;
    private bool _hasFailed;

    internal NfsFile(NfsClient client, NfsPath path, NfsFh3 handle) => (_client, Path, Handle) = (client, path, handle);

    /// <summary>The path that it was opened by.</summary>
    public NfsPath Path { get; }

    /// <summary>Its handle, which stays valid when the file is renamed.</summary>
    public NfsFh3 Handle { get; }

    /// <summary>How many bytes a READ asks for: rtpref of FSINFO, at most a MiB, over UDP 32 KiB.</summary>
    public int ReadSize => SizeOf(_client.Info.Rtpref, _client.Info.Rtmax);

    /// <summary>How many bytes a WRITE carries: wtpref of FSINFO, at most a MiB, over UDP 32 KiB.</summary>
    public int WriteSize => SizeOf(_client.Info.Wtpref, _client.Info.Wtmax);

    /// <summary>GETATTR: gets its attributes.</summary>
    public ValueTask<Fattr3> StatAsync(CancellationToken cancellationToken = default) => _client.Walk.Attributes(Path, Handle, cancellationToken);

    /// <summary>SETATTR: sets its size.</summary>
    public async Task SetLengthAsync(long length, CancellationToken cancellationToken = default)
    {
        SETATTR3args arguments = new() { Object = Handle, NewAttributes = new() { Size = new() { SetIt = true, Size = (ulong)length } } };
        await _client.Call(
            "SETATTR", Path, arguments, _client.Procedures.SetattrAsync, result => result.Status, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Reads from an offset until the buffer is full or the file ends.</summary>
    /// <returns>How many bytes were read; fewer than asked for only at the end of the file.</returns>
    public async Task<int> ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = 0;
        await foreach (ReadOnlyMemory<byte> part in ReadAllAsync(offset, buffer.Length, cancellationToken).ConfigureAwait(false))
        {
            part.CopyTo(buffer[count..]);
            count += part.Length;
        }

        return count;
    }

    /// <summary>Reads from an offset to the end of the file, in order, with several READs in flight.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many bytes at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The bytes, in parts of any length.</returns>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(
        long offset = 0, long length = long.MaxValue, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        long end = length > long.MaxValue - offset ? long.MaxValue : offset + length;
        int window = 1;   // doubled with each reply, so that a short file takes few READs
        Queue<Task<(byte[] Data, bool IsLast)>> reading = [];
        try
        {
            while (offset < end || reading.Count > 0)
            {
                for (; reading.Count < window && offset < end; offset += Math.Min(end - offset, ReadSize))
                    reading.Enqueue(ReadRange(offset, (int)Math.Min(end - offset, ReadSize), cancellationToken));
                (byte[] data, bool isLast) = await reading.Dequeue().ConfigureAwait(false);
                window = Math.Min(2 * window, _client.Options.InFlight);
                if (data.Length > 0)
                    yield return data;
                if (isLast)
                    yield break;
            }
        }
        finally
        {
            foreach (Task<(byte[], bool)> rest in reading)
                _ = rest.ContinueWith(static ended => ended.Exception, TaskScheduler.Default);   // beyond the end of the file, or after a failure
        }
    }

    /// <summary>
    /// Writes at an offset, with several WRITEs in flight. The task ends when the bytes are copied and there is room for more; a WRITE that fails is
    /// reported by a later call, at the latest by <see cref="CommitAsync"/>.
    /// </summary>
    public async Task WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        while (!data.IsEmpty)
        {
            int count = Math.Min(data.Length, WriteSize);
            if (_uncommittedBytes + count > _client.Options.MaxUncommitted && _uncommittedBytes > 0)
                await CommitAsync(cancellationToken).ConfigureAwait(false);
            Block block = new((ulong)offset, data[..count].ToArray());
            _uncommitted.Add(block);
            _uncommittedBytes += count;
            await Start(block, cancellationToken).ConfigureAwait(false);
            (offset, data) = (offset + count, data[count..]);
        }
    }

    /// <summary>COMMIT: when the task ends, everything written is on the server's disk.</summary>
    public async Task CommitAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await Commit(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _hasFailed = true;
            throw;
        }
    }

    /// <summary>Commits what was written, unless a WRITE or COMMIT has failed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_hasFailed)
            await CommitAsync().ConfigureAwait(false);
    }

    private int SizeOf(uint preferred, uint most) =>
        (int)Math.Clamp(preferred == 0 ? most : Math.Min(preferred, most == 0 ? preferred : most), LeastBlock, _client.MostBytes);

    private async Task Commit(CancellationToken cancellationToken)
    {
        await Written(atMost: 0).ConfigureAwait(false);
        for (int attempt = 1; _uncommitted.Any(block => !block.IsStable); attempt++)
        {
            COMMIT3res result = await _client.Call(
                "COMMIT",
                Path,
                new COMMIT3args { File = Handle },
                _client.Procedures.CommitAsync,
                one => one.Status,
                cancellationToken).ConfigureAwait(false);
            _uncommitted.RemoveAll(block => block.IsStable || block.Verifier.AsSpan().SequenceEqual(result.Resok!.Verf));
            if (attempt == MostCommits && _uncommitted.Count > 0)
                throw new NfsException("COMMIT", Path, Nfsstat3.Nfs3errServerfault, $"the server's write verifier has changed {MostCommits} times");

            // The server has restarted since it answered these WRITEs, and may have lost their data.
            foreach (Block block in _uncommitted)
                await Start(block, cancellationToken).ConfigureAwait(false);
            await Written(atMost: 0).ConfigureAwait(false);
        }

        _uncommitted.Clear();
        _uncommittedBytes = 0;
    }

    // Until the buffer is full or the file ends: a server may return less than was asked for.
    private async Task<(byte[] Data, bool IsLast)> ReadRange(long offset, int count, CancellationToken cancellation)
    {
        byte[] data = [];
        while (true)
        {
            READ3args arguments = new() { File = Handle, Offset = (ulong)(offset + data.Length), Count = (uint)(count - data.Length) };
            READ3resok ok = (await _client.Call(
                "READ", Path, arguments, _client.Procedures.ReadAsync, result => result.Status, cancellation)
                .ConfigureAwait(false)).Resok!;
            if (ok.Data.Length > count - data.Length || (ok.Data.Length == 0 && !ok.Eof))
                throw new NfsException("READ", Path, Nfsstat3.Nfs3errServerfault, $"{arguments.Count} bytes were asked for, and {ok.Data.Length} came");
            data = data.Length == 0 ? ok.Data : [.. data, .. ok.Data];
            if (ok.Eof || data.Length == count)
                return (data, ok.Eof);
        }
    }

    private async Task Start(Block block, CancellationToken cancellation)
    {
        await Written(atMost: _client.Options.InFlight - 1).ConfigureAwait(false);
        _writing.Enqueue(Write(block, cancellation));
    }

    // Waits until at most so many WRITEs are in flight.
    private async Task Written(int atMost)
    {
        try
        {
            while (_writing.Count > atMost)
                await _writing.Dequeue().ConfigureAwait(false);
        }
        catch
        {
            _hasFailed = true;
            throw;
        }
    }

    private async Task Write(Block block, CancellationToken cancellation)
    {
        for (int done = 0; done < block.Data.Length;)
        {
            byte[] rest = done == 0 ? block.Data : block.Data[done..];
            WRITE3args arguments = new() { File = Handle, Offset = block.Offset + (ulong)done, Count = (uint)rest.Length, Data = rest };
            WRITE3resok ok = (await _client.Call(
                "WRITE", Path, arguments, _client.Procedures.WriteAsync, result => result.Status, cancellation)
                .ConfigureAwait(false)).Resok!;
            if (ok.Count == 0 || ok.Count > rest.Length)
                throw new NfsException("WRITE", Path, Nfsstat3.Nfs3errServerfault, $"{rest.Length} bytes were sent, and {ok.Count} written");

            // A block that was written in two parts may span a restart of the server: then neither verifier holds for it, and it is written again.
            bool isOne = done == 0 || block.Verifier.AsSpan().SequenceEqual(ok.Verf);
            block.Verifier = isOne ? ok.Verf : [];
            block.IsStable = ok.Committed == StableHow.FileSync && (done == 0 || block.IsStable);
            done += (int)ok.Count;
        }
    }

    // Written data that may not be on the server's disk yet.
    private sealed class Block(ulong offset, byte[] data)
    {
        public ulong Offset { get; } = offset;

        public byte[] Data { get; } = data;

        // The verifier of the server's reply.
        public byte[] Verifier { get; set; } = [];

        public bool IsStable { get; set; }
    }
}
