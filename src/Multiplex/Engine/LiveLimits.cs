using System.Text;
using Multiplex.Sockets.Networks;

namespace Multiplex.Engine;

/// <summary>The limits that may change while a server runs, in memory that its processes share: see <see cref="ServerOptions.Change"/>. Times are milliseconds.</summary>
internal sealed class LiveLimits
{
    private const int LineLength = sizeof(long);
    private const int MostText = ServerOptions.MostBytesOfNetworks;

    private readonly SharedMemory _memory = Mapped(((int)Limit.Count * LineLength) + (2 * MostText));
    private Networks _known = new(-1, null, null);   // as this process has read them last

    /// <summary>What they are.</summary>
    public enum Limit
    {
        MaxConnections,
        MaxConnectionsPerAddress,
        MaxCallsPerSecond,
        MaxPendingOutput,
        IdleTimeout,
        RequestTimeout,
        DrainTime,
        Version,         // of the networks: it is odd while they are written
        AllowedLength,
        DeniedLength,
        Count,
    }

    /// <summary>A number of them now.</summary>
    public long this[Limit limit]
    {
        get => Volatile.Read(ref _memory.Word((int)limit * LineLength));
        set => Volatile.Write(ref _memory.Word((int)limit * LineLength), value);
    }

    /// <summary>The networks whose clients are served; null: all are.</summary>
    public PeerNetworks? Allowed => Current.Allowed;

    /// <summary>The networks whose clients are not served; null: there are none.</summary>
    public PeerNetworks? Denied => Current.Denied;

    /// <summary>Sets the networks. One thread of one process does so.</summary>
    /// <exception cref="NotSupportedException">They are longer than there is room for.</exception>
    public void Set(PeerNetworks? allowed, PeerNetworks? denied)
    {
        byte[] allow = Encoding.ASCII.GetBytes($"{allowed}"), deny = Encoding.ASCII.GetBytes($"{denied}");
        if (Math.Max(allow.Length, deny.Length) > MostText)
            throw new NotSupportedException($"networks of more than {MostText} bytes change with a restart only");
        this[Limit.Version]++;
        this[Limit.AllowedLength] = allow.Length;
        this[Limit.DeniedLength] = deny.Length;
        allow.CopyTo(Text(0));
        deny.CopyTo(Text(1));
        this[Limit.Version]++;
    }

    // For as long as the server lives, of which threads may outlast its end: it is freed by its finalizer.
    private static SharedMemory Mapped(int length) => new(length);

    private Span<byte> Text(int which) => _memory.Bytes.Slice(((int)Limit.Count * LineLength) + (which * MostText), MostText);

    // While they are written, and where they were in between, those that were read before count.
    private Networks Current
    {
        get
        {
            Networks known = _known;
            long version = this[Limit.Version];
            if (version == known.Version || version % 2 != 0)
                return known;
            string allow = Encoding.ASCII.GetString(Text(0)[..(int)this[Limit.AllowedLength]]), deny = Encoding.ASCII.GetString(Text(1)[..(int)this[Limit.DeniedLength]]);
            return this[Limit.Version] == version ? _known = new(version, Parsed(allow), Parsed(deny)) : known;
        }
    }

    private static PeerNetworks? Parsed(string text) => text.Length == 0 ? null : PeerNetworks.Parse(text);

    private sealed record Networks(long Version, PeerNetworks? Allowed, PeerNetworks? Denied);
}
