using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness;

/// <summary>An endpoint as the server announced it, for the sockets of .NET's own library.</summary>
internal sealed class ServerAddress
{
    private readonly Endpoint _endpoint;

    public ServerAddress(Endpoint endpoint)
    {
        _endpoint = endpoint;
        string path = endpoint.Path;
        EndPoint = endpoint.Kind.IsInternet()
            ? new IPEndPoint(IPAddress.Parse(endpoint.Host), int.Parse(endpoint.Port))
            : new UnixDomainSocketEndPoint(path.StartsWith('@') ? $"\0{path[1..]}" : path);
    }

    /// <summary>As the server wrote it, such as <c>tcp://127.0.0.1:40000</c>.</summary>
    public string Text => _endpoint.ToString();

    public EndPoint EndPoint { get; }

    public EndpointKind Kind => _endpoint.Kind;

    public bool IsStream => Kind.IsStream();

    public bool IsInternet => Kind.IsInternet();

    public int Port => ((IPEndPoint)EndPoint).Port;

    /// <summary>The path of a UNIX-domain socket that has one; null for an abstract name and for host and port.</summary>
    public string? FilePath => IsInternet || _endpoint.Path.StartsWith('@') ? null : _endpoint.Path;

    public Socket NewSocket()
    {
        SocketType type = Kind.IsStream() ? SocketType.Stream : Kind.IsDatagram() ? SocketType.Dgram : SocketType.Seqpacket;
        Socket socket = IsInternet ? new(EndPoint.AddressFamily, type, 0) : new(AddressFamily.Unix, type, ProtocolType.Unspecified);
        if (Kind == EndpointKind.Tcp)
            socket.NoDelay = true;
        return socket;
    }

    /// <summary>The name that a client must bind to get replies; null if the kernel binds one.</summary>
    public EndPoint? NewClientName() =>
        Kind == EndpointKind.UnixGram ? new UnixDomainSocketEndPoint($"\0multiplex-client-{Guid.NewGuid():N}") : null;

    /// <summary>Whether connections are accepted there.</summary>
    public bool TakesConnections()
    {
        using Socket socket = NewSocket();
        try
        {
            socket.Connect(EndPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public override string ToString() => Text;
}
