using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server;

/// <summary>
/// writeverf3 of RFC 1813 section 3.3.7: when it changes, clients know that writes which they have not committed may be lost. All threads and
/// processes of a server share it.
/// </summary>
internal sealed class WriteVerifier : IDisposable
{
    private readonly SharedMemory _memory = new(sizeof(long));

    /// <summary>Begins with a random one.</summary>
    public WriteVerifier()
    {
        Span<byte> random = stackalloc byte[sizeof(long)];
        getrandom(random).OrThrow("getrandom");
        _memory.Word(0) = BitConverter.ToInt64(random);
    }

    /// <summary>The verifier.</summary>
    public ulong Value => (ulong)Volatile.Read(ref _memory.Word(0));

    /// <summary>Changes it: written data are lost.</summary>
    public void Change() => Interlocked.Increment(ref _memory.Word(0));

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();
}
