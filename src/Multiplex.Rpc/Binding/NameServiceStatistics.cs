using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Binding;

/// <summary>How often a name service was asked for what: what GETSTAT tells, rpcb_stat_byvers of RFC 1833 section 2.1.</summary>
internal sealed class NameServiceStatistics
{
    private const int Versions = 3, Procedures = 13;   // RPCBVERS_STAT, RPCBSTAT_HIGHPROC

    private readonly int[] _calls = new int[Versions * Procedures];
    private int _set, _unset;

    /// <summary>Counts a call.</summary>
    public void Count(in RpcCall call)
    {
        if (call.Procedure < Procedures)
            Interlocked.Increment(ref _calls[((call.Version - NameService.PortmapVersion) * Procedures) + call.Procedure]);
    }

    /// <summary>Counts a registration that was made.</summary>
    public void CountSet(bool done) => Interlocked.Add(ref _set, done ? 1 : 0);

    /// <summary>Counts one that was removed.</summary>
    public void CountUnset(bool done) => Interlocked.Add(ref _unset, done ? 1 : 0);

    /// <summary>
    /// Writes them. Registrations are counted under version 4, whichever they were made with; the lists of what was looked up,
    /// and called indirectly, are empty.
    /// </summary>
    public void Write(XdrWriter writer)
    {
        for (int version = 0; version < Versions; version++)
        {
            for (int procedure = 0; procedure < Procedures; procedure++)
                writer.WriteInt32(Volatile.Read(ref _calls[(version * Procedures) + procedure]));
            bool last = version == Versions - 1;
            writer.WriteInt32(last ? Volatile.Read(ref _set) : 0);
            writer.WriteInt32(last ? Volatile.Read(ref _unset) : 0);
            writer.WriteBool(false);
            writer.WriteBool(false);
        }
    }
}
