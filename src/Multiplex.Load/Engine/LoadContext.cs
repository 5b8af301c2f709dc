using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>The state that the connections of one client thread share. Times are of Stopwatch, which on Linux counts nanoseconds.</summary>
internal sealed class LoadContext
{
    private const int StreamBufferLength = 64 * 1024;

    public LoadContext(LoadOptions options, LoadRecorder recorder, ConnectionSet connections)
    {
        (Options, Recorder, Connections, Timeout) = (options, recorder, connections, Nanoseconds(options.Timeout));
        Exchange = options.Exchange();
        MessageLength = Math.Max(Exchange.LongestRequest, Exchange.LongestReply);
        Buffer = GC.AllocateUninitializedArray<byte>(options.Server.Kind.IsStream() ? StreamBufferLength : Math.Max(StreamBufferLength, MessageLength));
    }

    /// <summary>The load.</summary>
    public LoadOptions Options { get; }

    /// <summary>The connections of the thread.</summary>
    public ConnectionSet Connections { get; }

    /// <summary>The timeout of a reply, in nanoseconds.</summary>
    public long Timeout { get; }

    /// <summary>Makes the requests, and checks the replies.</summary>
    public Exchange Exchange { get; }

    /// <summary>The greatest length of a request, and of a reply that does not fit into 64 KiB, in bytes.</summary>
    public int MessageLength { get; }

    /// <summary>The measurements.</summary>
    public LoadRecorder Recorder { get; }

    /// <summary>Decides when requests are sent; null is a closed loop without think time.</summary>
    public ArrivalPolicy? Policy { get; init; }

    /// <summary>The number of requests left to send.</summary>
    public long ToSend { get; set; } = long.MaxValue;

    /// <summary>In a closed loop: whether the end is reached, so that no further request is sent.</summary>
    public bool IsOver { get; set; }

    /// <summary>Whether requests are left to send.</summary>
    public bool MaySend => ToSend > 0 && !IsOver;

    /// <summary>The kernel's time stamps; null where they are not used.</summary>
    public KernelStamps? Stamps { get; init; }

    /// <summary>The TLS from which each connection gets its own, by <see cref="ClientTls.Another"/>; null for none.</summary>
    public ClientTls? Tls { get; init; }

    /// <summary>The known time of a request from send(2) to the interface, in nanoseconds.</summary>
    public long WayOut => Stamps?.WayOut ?? 0;

    /// <summary>Where requests are written before they are sent.</summary>
    public OutputBuffer Batch { get; } = new();

    /// <summary>Where replies are received.</summary>
    public byte[] Buffer { get; }

    /// <summary>A socket has been made.</summary>
    public void Prepare(int socket)
    {
        if (Stamps is not null)
            KernelStamps.Enable(socket);
    }

    /// <summary>A tick has passed.</summary>
    public void Tick() => Stamps?.Synchronize();

    /// <summary>send(2), without SIGPIPE.</summary>
    public SyscallResult Send(int socket, ReadOnlySpan<byte> bytes) => Stamps is null ? send(socket, bytes, MSG_NOSIGNAL) : Stamps.Send(socket, bytes);

    /// <summary>recv(2), or its equivalent with TLS.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="tls">Its TLS; null for none.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="flags">Flags of recv(2).</param>
    /// <param name="now">When it returned.</param>
    /// <param name="arrivedAt">The arrival of the last byte, at which latencies end; the same as <paramref name="now"/> when the kernel gives no time.</param>
    public SyscallResult Receive(int socket, ClientTls? tls, Span<byte> buffer, int flags, out long now, out long arrivedAt)
    {
        arrivedAt = 0;
        SyscallResult result = tls is not null ? tls.Receive(socket, buffer)
            : Stamps is null ? recv(socket, buffer, flags)
            : Stamps.Receive(socket, buffer, flags, out arrivedAt);
        now = Stopwatch.GetTimestamp();
        if (arrivedAt == 0 || arrivedAt > now)
            arrivedAt = now;
        return result;
    }

    /// <summary>A time in nanoseconds.</summary>
    public static long Nanoseconds(TimeSpan time) => (long)(time.TotalSeconds * 1e9);
}
