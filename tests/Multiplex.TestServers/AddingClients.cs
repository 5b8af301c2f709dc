using System.Diagnostics;
using Multiplex.Fleet;

namespace Multiplex.TestServers;

/// <summary>
/// Clients of the demo program that call ADD 1 one after the other, and count what they are told: the reply, or that it is not known whether the server has run the
/// call. A call that was not sent is made again. They write a line after each 1,000 calls, and their counts at the end.
/// </summary>
internal sealed class AddingClients
{
    private static readonly TimeSpan s_think = TimeSpan.FromMilliseconds(10), s_pause = TimeSpan.FromMilliseconds(50), s_startWithin = TimeSpan.FromSeconds(30);

    // A call may wait for as long as all of these together: 5 s.
    private static readonly RpcClientOptions s_ofFleet = new() { Timeout = TimeSpan.FromSeconds(2), ConnectTimeout = TimeSpan.FromSeconds(1), ReconnectFor = TimeSpan.FromSeconds(2) };

    private static readonly RpcClientOptions s_ofOne = new() { Timeout = TimeSpan.FromSeconds(5) };

    // A repeat gets the first reply from any server.
    private static readonly RpcClientOptions s_repeating = s_ofOne with
    {
        Authentication = RpcAuthentication.Sys(),
        ServerKeepsReplies = true,
        FirstRetry = TimeSpan.FromMilliseconds(50),
        LongestRetry = TimeSpan.FromMilliseconds(200),
        ReconnectFor = TimeSpan.FromSeconds(5),
    };

    private readonly Lock _gate = new();
    private int _acknowledged, _unknown;
    private TimeSpan _longest;

    /// <summary>Makes the calls.</summary>
    /// <param name="server">An endpoint, or rpc+etcd://…: the servers of a program.</param>
    /// <param name="clients">How many clients.</param>
    /// <param name="calls">How many calls each makes.</param>
    /// <param name="areRepeated">Whether a call is repeated when its connection breaks: the servers share which calls they have run.</param>
    public static async Task<int> Run(string server, int clients, int calls, bool areRepeated)
    {
        AddingClients all = new();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => server.StartsWith("rpc+", StringComparison.Ordinal) ? all.OfFleet(server, calls) : all.OfOne(server, calls, areRepeated ? s_repeating : s_ofOne)));
        Console.WriteLine($"acknowledged {all._acknowledged} unknown {all._unknown} longest {all._longest.TotalMilliseconds:0}");
        return 0;
    }

    private async Task OfFleet(string program, int calls)
    {
        await using FleetClient fleet = await Connected(program);
        await Make(() => fleet.CallAsync(client => new MultiplexV1Client(client).AddAsync(1)), calls);
    }

    // etcd may take longer than a call may wait for a connection. No call was made yet, so this is repeated.
    private static async Task<FleetClient> Connected(string program)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await FleetClient.ConnectAsync(program, s_ofFleet);
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(start) < s_startWithin)
            {
                await Task.Delay(s_pause);
            }
        }
    }

    private async Task OfOne(string server, int calls, RpcClientOptions options)
    {
        await using RpcClient client = await RpcClient.ConnectAsync(server, options);
        await Make(() => new MultiplexV1Client(client).AddAsync(1), calls);
    }

    private async Task Make(Func<ValueTask<ulong>> add, int calls)
    {
        for (int made = 0; made < calls; made++)
        {
            long start = Stopwatch.GetTimestamp();
            bool? isAcknowledged;
            do
                isAcknowledged = await IsAcknowledged(add);
            while (isAcknowledged is null);
            lock (_gate)
            {
                _longest = new(Math.Max(_longest.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
                _acknowledged += isAcknowledged is true ? 1 : 0;
                _unknown += isAcknowledged is false ? 1 : 0;
                if ((_acknowledged + _unknown) % 1000 == 0)
                    Console.WriteLine($"made {_acknowledged + _unknown}");
            }

            await Task.Delay(s_think);
        }
    }

    // False: that is not known. Null: it was not sent.
    private static async Task<bool?> IsAcknowledged(Func<ValueTask<ulong>> add)
    {
        try
        {
            await add();
            return true;
        }
        catch (Exception e) when (e is RpcConnectionException { WasSent: true } or RpcTimeoutException { WasSent: true } or RpcRefusedException)
        {
            return false;
        }
        catch (IOException)
        {
            await Task.Delay(s_pause);
            return null;
        }
    }
}
