namespace Multiplex.Load;

/// <summary>What went wrong, each kind counted apart.</summary>
public sealed class LoadErrors
{
    /// <summary>Replies that were whole and wrong, or made no sense.</summary>
    public long WrongReplies { get; set; }

    /// <summary>Connections that the server closed or reset while replies were due.</summary>
    public long Disconnected { get; set; }

    /// <summary>Connections that could not be made.</summary>
    public long ConnectFailures { get; set; }

    /// <summary>Connections given up because a reply did not come in time, or because nothing could be sent for so long.</summary>
    public long Timeouts { get; set; }

    /// <summary>Datagrams that were not answered in time: the request was lost, or its reply, or the server is too slow.</summary>
    public long Lost { get; set; }

    /// <summary>Datagrams that the kernel says nobody took, as no socket is bound there: ECONNREFUSED.</summary>
    public long Refused { get; set; }

    /// <summary>Second replies to the same datagram.</summary>
    public long Repeated { get; set; }

    /// <summary>Replies to datagrams that had been counted as lost already.</summary>
    public long Late { get; set; }

    /// <summary>
    /// All that make a run a failure, lost datagrams among them. Late replies are not: their requests have been counted as lost.
    /// </summary>
    public long Total => WrongReplies + Disconnected + ConnectFailures + Timeouts + Lost + Refused + Repeated;

    /// <summary>Adds another's counts.</summary>
    public void Add(LoadErrors other)
    {
        WrongReplies += other.WrongReplies;
        Disconnected += other.Disconnected;
        ConnectFailures += other.ConnectFailures;
        Timeouts += other.Timeouts;
        Lost += other.Lost;
        Refused += other.Refused;
        Repeated += other.Repeated;
        Late += other.Late;
    }
}

/// <summary>What one client thread, or all of them together, measured.</summary>
public sealed class LoadTally
{
    /// <summary>The latency of each right reply, from just before its request was sent.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>What went wrong.</summary>
    public LoadErrors Errors { get; } = new();

    /// <summary>Bytes sent.</summary>
    public long BytesSent { get; set; }

    /// <summary>Bytes received.</summary>
    public long BytesReceived { get; set; }

    /// <summary>How long was measured.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>Right replies a second.</summary>
    public double Throughput => Elapsed > TimeSpan.Zero ? Latencies.Count / Elapsed.TotalSeconds : 0;

    /// <summary>Adds another thread's measurements, which ran at the same time.</summary>
    public void Add(LoadTally other)
    {
        Latencies.Add(other.Latencies);
        Errors.Add(other.Errors);
        BytesSent += other.BytesSent;
        BytesReceived += other.BytesReceived;
        Elapsed = other.Elapsed > Elapsed ? other.Elapsed : Elapsed;
    }
}
