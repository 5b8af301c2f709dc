using System.Buffers.Binary;
using Multiplex.Interop;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>What one server answered to a broadcast.</summary>
/// <param name="Server">Where it answered from.</param>
/// <param name="Results">Its results.</param>
public readonly record struct RpcBroadcastReply<T>(Endpoint Server, T Results);

/// <summary>
/// One call to every server that receives it: RFC 5531 section 7.4.2, as rpc_broadcast of rpc(3). It is sent to broadcast addresses over UDP,
/// again and again with one xid, and replies are gathered until the time is up. Refusals are ignored.
/// </summary>
public static class RpcBroadcast
{
    /// <summary>The most servers that are listened to.</summary>
    public const int MostServers = 65_536;

    /// <summary>Calls, and gathers replies until <see cref="RpcClientOptions.Timeout"/>. Blocks the calling thread.</summary>
    /// <param name="addresses">
    /// Where to: the broadcast address of each network, such as <c>udp://192.168.1.255:111</c>, or <c>udp://255.255.255.255:111</c> for the one
    /// that the route goes to. Addresses of single hosts do as well.
    /// </param>
    /// <param name="procedure">The procedure. It should be idempotent: a server whose reply was lost is asked again.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="marshal">Writes them.</param>
    /// <param name="unmarshal">Reads the results.</param>
    /// <param name="options">Credential, time-out, and when the call is sent again; null is the usual.</param>
    /// <param name="isEnough">Called with each reply as it comes; true ends the gathering. Null gathers to the end.</param>
    /// <returns>One reply of each server, in the order in which they came; none when no server answered.</returns>
    /// <exception cref="SyscallException">It cannot be sent, such as ENETUNREACH.</exception>
    /// <exception cref="ArgumentException">An address is not one of UDP over IPv4: IPv6 has no broadcast.</exception>
    public static IReadOnlyList<RpcBroadcastReply<T>> Call<TArguments, T>(
        IReadOnlyList<Endpoint> addresses,
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        XdrUnmarshal<T> unmarshal,
        RpcClientOptions? options = null,
        Func<RpcBroadcastReply<T>, bool>? isEnough = null)
        where TArguments : allows ref struct
    {
        options ??= RpcClientOptions.Default;
        List<(Endpoint, byte[])> targets = [.. addresses.Select(address => (address, Resolve(address)))];
        OutputBuffer call = new();
        uint xid = (uint)Random.Shared.NextInt64(uint.MaxValue);
        marshal(CallWriter.Head(call, xid, procedure, options.Authentication), arguments);
        using Gathering<T> gathering = new(targets, call.Written.ToArray(), xid, unmarshal, isEnough, options.Strict);
        gathering.Run(options);
        return gathering.Replies;
    }

    private static byte[] Resolve(Endpoint address)
    {
        byte[]? found = address.Kind == EndpointKind.Udp
            ? AddressLookup.Find(address, passive: false).FirstOrDefault(one => AddressLookup.FamilyOf(one) == AF_INET)
            : null;
        return found ?? throw new ArgumentException($"{address} is no address of UDP over IPv4: only that has broadcast", nameof(address));
    }

    /// <summary>One broadcast on a socket of its own.</summary>
    private sealed class Gathering<T>(
        List<(Endpoint Name, byte[] Address)> targets, byte[] call, uint xid, XdrUnmarshal<T> unmarshal, Func<RpcBroadcastReply<T>, bool>? isEnough, bool isStrict)
        : IDisposable
    {
        private readonly int _socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0).OrThrow("socket");
        private readonly byte[] _message = new byte[64 * 1024];   // longer than any UDP datagram
        private readonly HashSet<string> _heard = [];
        private bool _isEnough;

        public List<RpcBroadcastReply<T>> Replies { get; } = [];

        private static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

        public void Run(RpcClientOptions options)
        {
            setsockopt(_socket, SOL_SOCKET, SO_BROADCAST, 1).OrThrow("setsockopt SO_BROADCAST");
            TimeSpan end = Now + options.Timeout, wait = options.FirstRetry;
            while (!_isEnough && Now < end)
            {
                foreach ((Endpoint name, byte[] address) in targets)
                    Send(name, address);
                TimeSpan again = Now + wait;
                Gather(again < end ? again : end);
                wait = 2 * wait < options.LongestRetry ? 2 * wait : options.LongestRetry;
            }
        }

        public void Dispose() => close(_socket);

        private void Send(Endpoint name, byte[] address)
        {
            SyscallResult result = sendto(_socket, call, 0, address);

            // The failure of an earlier one, at a host where no server listens, is reported here; most hosts of a network are such.
            if (result.Is(ECONNREFUSED))
                result = sendto(_socket, call, 0, address);
            if (!result.Is(ECONNREFUSED))
                result.OrThrow("sendto", name);
        }

        private void Gather(TimeSpan end)
        {
            Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
            while (!_isEnough && Replies.Count < MostServers)
            {
                SyscallResult result = recvfrom(_socket, _message, MSG_DONTWAIT, address, out int length);
                if (!result.IsError)
                {
                    Take(_message.AsSpan(0, (int)result.Value), AddressText.Format(EndpointKind.Udp, address[..length]));
                    continue;
                }

                TimeSpan left = end - Now;
                if (left <= TimeSpan.Zero)
                    return;
                pollfd entry = new() { fd = _socket, events = POLLIN };
                poll(new Span<pollfd>(ref entry), (int)Math.Ceiling(left.TotalMilliseconds));
            }
        }

        private void Take(ReadOnlySpan<byte> message, string from)
        {
            XdrReader reader = new(message) { IsStrict = isStrict, AcceptsUnknown = !isStrict };
            if (message.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(message) != xid)
                return;
            if (!ReplyHeader.TryRead(ref reader, out ReplyHeader header) || header.Failure is not null)
                return;
            T results = unmarshal(ref reader);
            if (reader.HasFailed || (isStrict && !reader.IsComplete) || !_heard.Add(from))
                return;   // invalid, or a repeat
            Replies.Add(new(Endpoint.Parse(from), results));
            _isEnough = isEnough?.Invoke(Replies[^1]) ?? false;
        }
    }
}
