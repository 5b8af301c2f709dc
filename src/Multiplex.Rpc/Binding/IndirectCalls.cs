using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// Calls procedures of this machine's programs for callers that do not know the programs' addresses: CALLIT, BCAST and INDIRECT, RFC 1833
/// sections 2.2.1 and 3.2. The program sees such a call come from this machine, so it is made only where the option is set.
/// </summary>
/// <param name="table">Where the programs are.</param>
/// <param name="atATime">How many calls may be in progress; each blocks a thread, and the other threads are for lookups.</param>
internal sealed class IndirectCalls(RegistrationTable table, int atATime)
{
    private static readonly RpcClientOptions s_options = new() { Timeout = TimeSpan.FromSeconds(3) };

    private int _inProgress;

    /// <summary>Where calls that are refused are counted.</summary>
    public ServerCounters? Counters { get; set; }

    /// <summary>Makes a call, over UDP on the loopback interface. Blocks until it is answered, or for 3 seconds.</summary>
    /// <param name="wanted">struct rpcb_rmtcallargs: program, version, procedure and its arguments. The name service itself is not called.</param>
    /// <param name="server">The server that was called.</param>
    /// <param name="results">The results, marshalled.</param>
    /// <returns>How it ended: SYSTEM_ERR when too many others are in progress.</returns>
    public AcceptStatus Call(ref XdrReader wanted, out Registration? server, out byte[] results)
    {
        results = [];
        server = null;
        RpcProcedure procedure = new(wanted.ReadUInt32(), wanted.ReadUInt32(), wanted.ReadUInt32());
        ReadOnlySpan<byte> arguments = wanted.ReadOpaque(MessageSize.MaxUdp);
        if (!wanted.IsComplete)
            return AcceptStatus.GarbageArguments;
        if (procedure.Program != NameService.Program)
            server = table.Find(procedure.Program, procedure.Version, Netid.Udp.Name);
        if (server?.Endpoint is not { } endpoint)
            return AcceptStatus.ProgramUnavailable;
        try
        {
            if (Interlocked.Increment(ref _inProgress) > atATime)
            {
                Counters?.Increment(Counter.IndirectCallsRefused);
                return AcceptStatus.SystemError;
            }

            using RpcClient client = new(UniversalAddress.ReachedHere(endpoint), s_options);
            results = client.Call(procedure, arguments, static (writer, value) => writer.WriteFixedOpaque(value), ReadAll);
            return AcceptStatus.Success;
        }
        catch (IOException e)
        {
            return e switch
            {
                RpcProgramUnavailableException => AcceptStatus.ProgramUnavailable,
                RpcProcedureUnavailableException => AcceptStatus.ProcedureUnavailable,
                RpcGarbageArgumentsException => AcceptStatus.GarbageArguments,
                _ => AcceptStatus.SystemError,   // no server is there, or it did not answer
            };
        }
        finally
        {
            Interlocked.Decrement(ref _inProgress);
        }
    }

    private static byte[] ReadAll(ref XdrReader reader)
    {
        byte[] all = reader.Rest.ToArray();
        reader.Skip(all.Length);
        return all;
    }
}
