using Multiplex.Interop;
using Multiplex.Load.Processes;
using Multiplex.Models;
using Multiplex.Sockets;

namespace Multiplex.Benchmarks.Servers;

/// <summary>
/// A server of each model, run by the real command, and the same echo written with System.Net.Sockets; all on one core
/// with the client, so that the comparison is of work, not of the time that an idle core needs to wake.
/// </summary>
internal sealed class ModelServers : IDisposable
{
    /// <summary>What the models are compared with.</summary>
    public const string SystemNetSockets = "System.Net.Sockets";

    private readonly Dictionary<string, ServerProcess> _servers = [];
    private readonly SameCore _core = new();

    /// <summary>Starts all servers: a server without requests waits in a system call, and costs nothing.</summary>
    public ModelServers()
    {
        try
        {
            foreach (string model in Models)
                _servers[model] = BenchmarkServers.OfModel(model);
            _servers[SystemNetSockets] = BenchmarkServers.OfThisExecutable(SocketEchoServer.Argument);
        }
        catch
        {
            Dispose();   // nothing else disposes of them after a failed set-up
            throw;
        }
    }

    /// <summary>Every model of the catalog: a new one is measured without a change here.</summary>
    public static IEnumerable<string> Models => ServerModelCatalog.All.Select(entry => entry.Name);

    /// <summary>Connects to a server.</summary>
    public int Connect(string server) => Connector.Connect(_servers[server].Endpoint);

    /// <summary>Closes a connection with a reset, so that no port is left in TIME_WAIT.</summary>
    public static void Close(int connection)
    {
        Libc.setsockopt(connection, Libc.SOL_SOCKET, Libc.SO_LINGER, new Libc.linger { l_onoff = 1 });
        Libc.close(connection);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ServerProcess server in _servers.Values)
            server.Dispose();
        _core.Dispose();
    }
}

/// <summary>Messages of 64 bytes, which the server sends back unchanged.</summary>
internal sealed class Messages
{
    private const int Size = 64;
    private readonly byte[] _sent;
    private readonly byte[] _received;

    /// <summary>This many messages, sent at once.</summary>
    public Messages(int count)
    {
        _sent = new byte[count * Size];
        _received = new byte[count * Size];
        new Random(1).NextBytes(_sent);
    }

    /// <summary>Sends all with one call, and receives all.</summary>
    public void Exchange(int connection)
    {
        Libc.send(connection, _sent, Libc.MSG_NOSIGNAL).OrThrow("send");
        int received = Libc.recv(connection, _received, Libc.MSG_WAITALL).OrThrow("recv");
        if (received != _sent.Length || !_received.AsSpan().SequenceEqual(_sent))
            throw new InvalidOperationException($"other bytes came back than were sent: {received} of {_sent.Length}");
    }
}
