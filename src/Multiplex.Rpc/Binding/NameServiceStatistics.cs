using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Binding;

/// <summary>How often each procedure of a name service was called: the results of GETSTAT, rpcb_stat_byvers of RFC 1833 section 2.1.</summary>
internal sealed class NameServiceStatistics
{
    private const int Versions = 3, Procedures = 13;   // RPCBVERS_STAT, RPCBSTAT_HIGHPROC

    private readonly int[] _calls = new int[Versions * Procedures];
    private readonly int[] _set = new int[Versions], _unset = new int[Versions];

    /// <summary>Counts a call.</summary>
    public void Count(in RpcCall call)
    {
        if (call.Procedure < Procedures)
            Interlocked.Increment(ref _calls[(IndexOf(call.Version) * Procedures) + call.Procedure]);
    }

    /// <summary>Counts a registration that was made, by a call of this version.</summary>
    public void CountSet(uint version, bool done) => Interlocked.Add(ref _set[IndexOf(version)], done ? 1 : 0);

    /// <summary>Counts one that was removed, by a call of this version.</summary>
    public void CountUnset(uint version, bool done) => Interlocked.Add(ref _unset[IndexOf(version)], done ? 1 : 0);

    /// <summary>Writes them, by the version that was called. The lists of what was looked up, and called indirectly, are empty.</summary>
    public void Write(XdrWriter writer)
    {
        for (int version = 0; version < Versions; version++)
        {
            for (int procedure = 0; procedure < Procedures; procedure++)
                writer.WriteInt32(Volatile.Read(ref _calls[(version * Procedures) + procedure]));
            writer.WriteInt32(Volatile.Read(ref _set[version]));
            writer.WriteInt32(Volatile.Read(ref _unset[version]));
            writer.WriteBool(false);
            writer.WriteBool(false);
        }
    }

    private static uint IndexOf(uint version) => version - NameService.PortmapVersion;
}
