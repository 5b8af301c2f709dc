using Multiplex.Rpc;

namespace Multiplex.Benchmarks;

/// <summary>The same work in a synchronous procedure and in an async one that ends at once; and a procedure that waits.</summary>
[RpcProgram(0x2000_4549)]
internal partial interface IMeasured
{
    [Procedure(1, Idempotent = true, Quick = true)]
    uint Sum(uint left, uint right);

    [Procedure(2, Idempotent = true)]
    ValueTask<uint> AddAsync(uint left, uint right, CancellationToken cancellationToken = default);

    [Procedure(3, Idempotent = true)]
    ValueTask<uint> WaitAsync(uint milliseconds, CancellationToken cancellationToken = default);
}

/// <summary>Serves it.</summary>
internal sealed class Measured : IMeasured
{
    public uint Sum(uint left, uint right) => left + right;

    public async ValueTask<uint> AddAsync(uint left, uint right, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        return left + right;
    }

    public async ValueTask<uint> WaitAsync(uint milliseconds, CancellationToken cancellationToken)
    {
        await Task.Delay((int)milliseconds, cancellationToken).ConfigureAwait(false);
        return milliseconds;
    }
}
