using System.Text.Json.Serialization;

namespace Multiplex.Load.Measuring;

/// <summary>Counts of errors, by kind.</summary>
public sealed class LoadErrors
{
    /// <summary>Replies that were complete and wrong, or malformed.</summary>
    public long WrongReplies { get; set; }

    /// <summary>Connections that the server closed or reset while replies were due.</summary>
    public long Disconnected { get; set; }

    /// <summary>Of <see cref="Disconnected"/>: those that a reset ended (ECONNRESET, EPIPE), not an end of file.</summary>
    public long Resets { get; set; }

    /// <summary>Connections that could not be made.</summary>
    public long ConnectFailures { get; set; }

    /// <summary>Of <see cref="ConnectFailures"/>: those that were refused (ECONNREFUSED).</summary>
    public long ConnectsRefused { get; set; }

    /// <summary>Of <see cref="ConnectFailures"/>: those for which this machine had no local port left (EADDRNOTAVAIL).</summary>
    public long NoLocalPort { get; set; }

    /// <summary>Connections closed because no reply came, or nothing could be sent, within the timeout.</summary>
    public long Timeouts { get; set; }

    /// <summary>Datagrams without a reply in time: the request or its reply was lost, or the server is too slow.</summary>
    public long Lost { get; set; }

    /// <summary>Datagrams to a port or a name without a socket: ECONNREFUSED.</summary>
    public long Refused { get; set; }

    /// <summary>Second replies to the same datagram.</summary>
    public long Repeated { get; set; }

    /// <summary>Replies to datagrams that had been counted as lost.</summary>
    public long Late { get; set; }

    /// <summary>Calls from the server to the client, which are not replies and get none.</summary>
    public long ServerCalls { get; set; }

    /// <summary>Of <see cref="WrongReplies"/>: those that report a failure of the protocol, by its name, such as NFS3ERR_STALE.</summary>
    [JsonObjectCreationHandling(JsonObjectCreationHandling.Populate)]
    public SortedDictionary<string, long> Statuses { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// All that make a run a failure, lost datagrams among them. Late replies are not: their requests have been counted as lost.
    /// Nor are calls from the server.
    /// </summary>
    public long Total => WrongReplies + Disconnected + ConnectFailures + Timeouts + Lost + Refused + Repeated;

    /// <summary>Adds another's counts.</summary>
    public void Add(LoadErrors other)
    {
        WrongReplies += other.WrongReplies;
        Disconnected += other.Disconnected;
        Resets += other.Resets;
        ConnectFailures += other.ConnectFailures;
        ConnectsRefused += other.ConnectsRefused;
        NoLocalPort += other.NoLocalPort;
        Timeouts += other.Timeouts;
        Lost += other.Lost;
        Refused += other.Refused;
        Repeated += other.Repeated;
        Late += other.Late;
        ServerCalls += other.ServerCalls;
        AddStatuses(other.Statuses);
    }

    /// <summary>Adds failures of the protocol's own, which are counted as wrong replies already.</summary>
    public void AddStatuses(IReadOnlyDictionary<string, long> statuses)
    {
        foreach ((string name, long count) in statuses)
            Statuses[name] = Statuses.GetValueOrDefault(name) + count;
    }
}
