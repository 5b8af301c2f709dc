namespace Multiplex.Sockets.Networks;

/// <summary>A set of peers, by where they are: networks of Internet addresses, and the clients of UNIX-domain sockets.</summary>
public sealed class PeerNetworks
{
    /// <summary>What <see cref="Parse"/> takes, by an example.</summary>
    public const string Form = "192.0.2.0/24,2001:db8::/32,unix";

    private const string UnixDomain = "unix";

    private readonly ClientNetwork[] _networks;
    private readonly bool _hasUnix;
    private readonly string _text;

    private PeerNetworks(string text)
    {
        string[] parts = text.Split(',');
        _text = text;
        _hasUnix = parts.Contains(UnixDomain);
        _networks = [.. parts.Where(part => part != UnixDomain).Select(ClientNetwork.Parse)];
    }

    /// <summary>Parses networks and addresses with commas between them; the word unix is all clients of UNIX-domain sockets.</summary>
    /// <exception cref="FormatException">A part is neither of them.</exception>
    public static PeerNetworks Parse(string text) => new(text);

    /// <summary>Whether a peer is in one of them.</summary>
    public bool Contains(in Peer peer)
    {
        if (!peer.Kind.IsInternet())
            return _hasUnix;
        foreach (ClientNetwork network in _networks)
        {
            if (network.Contains(peer.Host))
                return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => _text;
}
