using Multiplex.Protocols;
using Multiplex.Rpc;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Models;

/// <summary>A fixture over one reactor, in this process.</summary>
public abstract class ReactorFixture(ReactorEntry entry)
{
    protected ReactorEntry Entry => entry;

    internal RunningServer Echo(ServerOptions? options = null, params string[] endpoints) =>
        Serve(_ => new EchoProtocol(), options, endpoints);

    internal RunningServer Rpc(ServerOptions? options = null, params string[] endpoints) =>
        Serve(counters => new RpcProtocol(new MultiplexProgram(counters)), options, endpoints);

    internal RunningServer Serve(
        Func<ServerCounters, IProtocol> protocol, ServerOptions? options = null, params string[] endpoints) =>
        new(entry.Create(), protocol, options, endpoints);

    /// <summary>Calls as records, one after another.</summary>
    protected static byte[] Calls(RpcProcedure procedure, int count, MarshalArguments? arguments = null)
    {
        OutputBuffer calls = new();
        for (int i = 0; i < count; i++)
            CallWriter.Record(calls, (uint)i, procedure, arguments);
        return calls.Written.ToArray();
    }
}
