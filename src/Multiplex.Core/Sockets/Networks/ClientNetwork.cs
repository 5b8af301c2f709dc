using System.Net;

namespace Multiplex.Sockets.Networks;

/// <summary>A network of clients: an address, and how many of its bits count.</summary>
public sealed class ClientNetwork
{
    private const int Ipv4Length = 4, Ipv6Length = 16;

    private readonly byte[] _address;
    private readonly int _bits;
    private readonly string _text;

    private ClientNetwork(IPNetwork network)
    {
        _address = network.BaseAddress.GetAddressBytes();
        _bits = network.PrefixLength;
        _text = network.ToString();
    }

    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];   // the prefix of an IPv4-mapped address: RFC 4291 section 2.5.5.2

    /// <summary>Parses 192.0.2.0/24, 2001:db8::/32, or one address.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static ClientNetwork Parse(string text)
    {
        if (IPNetwork.TryParse(text, out IPNetwork network))
            return new(network);
        if (IPAddress.TryParse(text, out IPAddress? address))
            return new(new IPNetwork(address, address.GetAddressBytes().Length * 8));
        throw new FormatException($"{text}: write a network such as 192.0.2.0/24 or 2001:db8::/32, or an address");
    }

    /// <summary>Whether a machine is in it.</summary>
    /// <param name="host">Its address, as of <see cref="Peer.Host"/>.</param>
    public bool Contains(ReadOnlySpan<byte> host)
    {
        if (host.Length > Ipv4Length)
        {
            host = host[..Ipv6Length];   // without its scope
            if (_address.Length == Ipv4Length && host.StartsWith(Mapped))
                host = host[Mapped.Length..];
        }

        if (host.Length != _address.Length)
            return false;
        int whole = _bits / 8, rest = _bits % 8;
        return host[..whole].SequenceEqual(_address.AsSpan(0, whole))
            && (rest == 0 || (host[whole] ^ _address[whole]) >> (8 - rest) == 0);
    }

    /// <inheritdoc/>
    public override string ToString() => _text;
}
