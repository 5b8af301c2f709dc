using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>A protocol with a reply cache over one procedure that is not idempotent: each run is counted, and returns its number.</summary>
public abstract class ReplyCacheFixture(Form form) : RpcFixture(form)
{
    /// <summary>An IPv4 address and port: 10.0.0.1:1000.</summary>
    protected static readonly byte[] Address = [2, 0, 3, 0xE8, 10, 0, 0, 1, .. new byte[8]];

    private int _runs;

    /// <summary>How often the procedure was run.</summary>
    protected int Runs => Volatile.Read(ref _runs);

    [TearDown]
    public void Dispose_of_the_cache() => Protocol.Dispose();

    /// <summary>Creates the protocol.</summary>
    /// <param name="options">The bounds of the cache.</param>
    /// <param name="beforeItAnswers">What the procedure does before it writes its result.</param>
    protected void Remember(ReplyCacheOptions? options = null, Action<int, XdrWriterOf>? beforeItAnswers = null)
    {
        _runs = 0;
        OneProcedure program = new(Program, 1, (in RpcCall _, XdrWriter results) =>
        {
            int run = Interlocked.Increment(ref _runs);
            if (beforeItAnswers is not null)
            {
                OutputBuffer more = new();
                beforeItAnswers(run, new(more));
                results.WriteFixedOpaque(more.Written);
            }

            results.WriteUInt32((uint)run);
        })
        {
            IsIdempotent = false,
        };
        Protocol = new(program) { Replies = options ?? new() };
        Protocol.Open(Counters);
    }

    /// <summary>A call of it, with AUTH_NONE.</summary>
    protected static byte[] Call(uint xid, params uint[] arguments) => Words([xid, 0, 2, Program, 1, 1, 0, 0, 0, 0, .. arguments]);

    /// <summary>A call of it, with AUTH_SYS.</summary>
    protected static byte[] CallAs(uint xid, uint stamp = 0x8000_004D, string machine = "host", uint uid = 1000)
    {
        byte[] name = System.Text.Encoding.ASCII.GetBytes(machine);
        byte[] body = [.. Words(stamp, (uint)name.Length), .. name, .. new byte[-name.Length & 3], .. Words(uid, 100, 0)];
        return [.. Words(xid, 0, 2, Program, 1, 1, 1, (uint)body.Length), .. body, .. Words(0, 0)];
    }

    /// <summary>The reply to the call that was the run of this number.</summary>
    protected static byte[] Ran(uint xid, uint run) => Words(xid, 1, 0, 0, 0, 0, run);

    /// <summary>SYSTEM_ERR.</summary>
    protected static byte[] Failed(uint xid) => Words(xid, 1, 0, 0, 0, 5);

    /// <summary>A caller at 10.0.0.1.</summary>
    protected static Peer From(byte[] address, EndpointKind kind = EndpointKind.Udp) => new(kind, address);

    /// <summary>A connection from 10.0.0.1.</summary>
    protected static Peer On(ulong connection) => new(EndpointKind.Tcp, Address, connection);

    /// <summary>The same machine, from another port.</summary>
    protected static byte[] WithPort(byte[] address, ushort port) => [.. address[..2], (byte)(port >> 8), (byte)port, .. address[4..]];

    /// <summary>A delegate that takes an XDR writer, which is a ref struct.</summary>
    protected sealed class XdrWriterOf(OutputBuffer output)
    {
        public void Write(byte[] bytes) => new XdrWriter(output).WriteFixedOpaque(bytes);
    }
}
