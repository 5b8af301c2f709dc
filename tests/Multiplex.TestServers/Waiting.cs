using System.Collections.Concurrent;
using Multiplex.Rpc;

namespace Multiplex.TestServers;

/// <summary>Serves the contract.</summary>
public sealed class Waiting : IWaiting
{
    private readonly ConcurrentDictionary<uint, TaskCompletionSource> _keys = new();
    private int _noted, _held, _cancelled;

    /// <summary>How many calls were held so far.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>How many of them were cancelled.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    /// <inheritdoc/>
    public ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken) => new($"Hello, {name}!");

    /// <inheritdoc/>
    public async ValueTask<uint> WaitAsync(uint milliseconds, CancellationToken cancellationToken)
    {
        await Task.Delay((int)milliseconds, cancellationToken);
        return milliseconds;
    }

    /// <inheritdoc/>
    public async Task<uint> HoldAsync(uint key, RpcContext? context, CancellationToken cancellationToken)
    {
        if (context!.Cancellation != cancellationToken)
            throw new InvalidOperationException("the call has two tokens");
        int held = Interlocked.Increment(ref _held);
        try
        {
            await Key(key).Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }

        return (uint)held;
    }

    /// <inheritdoc/>
    public Task ReleaseAsync(uint key)
    {
        Key(key).TrySetResult();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask NoteAsync(uint amount)
    {
        await Task.Yield();
        Interlocked.Add(ref _noted, (int)amount);
    }

    /// <inheritdoc/>
    public async ValueTask NoteLaterAsync(uint amount, uint key, CancellationToken cancellationToken)
    {
        await Key(key).Task.WaitAsync(cancellationToken);
        Interlocked.Add(ref _noted, (int)amount);
    }

    /// <inheritdoc/>
    public uint[] Counts() => [(uint)Volatile.Read(ref _noted), (uint)Held, (uint)Cancelled];

    /// <inheritdoc/>
    public async ValueTask FailAsync(bool isLate, bool isFault)
    {
        if (isLate)
            await Task.Delay(1);
        throw isFault ? new RpcFault(AcceptStatus.GarbageArguments) : new InvalidOperationException("as it was asked");
    }

    /// <inheritdoc/>
    public string Describe(RpcContext? context) =>
        $"{context!.ProgramName}.{context.ProcedureName} {context.Procedure.Number} {context.Flavor} {context.Peer.ToString()} {context.Tls?.Subject}";

    /// <inheritdoc/>
    public byte[] Reverse(byte[] name, CancellationToken cancellationToken)
    {
        Array.Reverse(name);
        return name;
    }

    /// <inheritdoc/>
    public void Forget(ReadOnlySpan<byte> bytes) => Interlocked.Add(ref _noted, bytes.Length);

    private TaskCompletionSource Key(uint key) => _keys.GetOrAdd(key, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
