using Multiplex.Rpc.Client;
using Multiplex.Sockets;

namespace Multiplex.Fleet;

/// <summary>One server of a fleet and its client. The first call makes the client; it is disposed of when the server has left the fleet and no call is in flight.</summary>
/// <param name="server">Its endpoint.</param>
internal sealed class FleetInstance(Endpoint server)
{
    private const long RestTime = 1000, DoubtTime = 5000;   // milliseconds

    private readonly Lock _gate = new();
    private Task<RpcClient>? _client;
    private long _restsUntil, _doubtedUntil;   // in milliseconds of Environment.TickCount64

    /// <summary>Its endpoint.</summary>
    public Endpoint Server { get; } = server;

    /// <summary>Calls in flight. Changed under the lock of the <see cref="FleetClient"/>.</summary>
    public int InFlight { get; set; }

    /// <summary>Whether it has left the fleet. Changed under that lock too.</summary>
    public bool HasLeft { get; set; }

    /// <summary>
    /// The instance with the fewest calls in flight, of those that do not rest. An instance that is doubted is chosen only if there is no other. Called under the lock of the
    /// <see cref="FleetClient"/>.
    /// </summary>
    /// <param name="all">All instances.</param>
    /// <param name="turn">The index of the one that is chosen among equals.</param>
    /// <param name="now">The time, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <returns>Null if all rest.</returns>
    public static FleetInstance? Least(IReadOnlyList<FleetInstance> all, int turn, long now)
    {
        FleetInstance? least = null;
        for (int i = 0; i < all.Count; i++)
        {
            FleetInstance one = all[(turn + i) % all.Count];
            if (now >= Volatile.Read(ref one._restsUntil) && (least is null || one.Order(now) < least.Order(now)))
                least = one;
        }

        return least;
    }

    /// <summary>Its client. Calls that come while it connects wait for the same connection.</summary>
    /// <exception cref="IOException">No connection can be made.</exception>
    public async Task<RpcClient> ConnectAsync(RpcClientOptions options)
    {
        Task<RpcClient> client;
        lock (_gate)
            client = _client ??= RpcClient.ConnectAsync(Server, options);
        try
        {
            return await client.ConfigureAwait(false);
        }
        catch
        {
            lock (_gate)
            {
                if (_client == client)
                    _client = null;
            }

            throw;
        }
    }

    /// <summary>A call could not be sent to it: it gets none for a second.</summary>
    public void Rest(long now) => Volatile.Write(ref _restsUntil, now + RestTime);

    /// <summary>A call timed out, or the connection failed: for 5 seconds, or until a call succeeds, other servers are called if there are any.</summary>
    public void Doubt(long now) => Volatile.Write(ref _doubtedUntil, now + DoubtTime);

    /// <summary>A call has succeeded.</summary>
    public void Trust() => Volatile.Write(ref _doubtedUntil, 0);

    // By the calls in flight; doubted ones are behind all others.
    private long Order(long now) => InFlight + (now < Volatile.Read(ref _doubtedUntil) ? int.MaxValue : 0L);

    /// <summary>Closes its connection.</summary>
    public async Task CloseAsync()
    {
        Task<RpcClient>? client;
        lock (_gate)
            (client, _client) = (_client, null);
        if (client is null)
            return;
        await ((Task)client).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (client.IsCompletedSuccessfully)
            await client.Result.DisposeAsync().ConfigureAwait(false);
    }
}
