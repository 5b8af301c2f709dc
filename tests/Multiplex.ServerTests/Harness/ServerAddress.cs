using System.Net;
using System.Net.Sockets;

namespace Multiplex.ServerTests.Harness;

/// <summary>An endpoint as the server announced it, for the sockets of .NET's own library.</summary>
internal sealed class ServerAddress
{
    private ServerAddress(string text, EndPoint endPoint)
    {
        Text = text;
        EndPoint = endPoint;
    }

    /// <summary>As the server wrote it, such as <c>tcp://127.0.0.1:40000</c>.</summary>
    public string Text { get; }

    public EndPoint EndPoint { get; }

    public bool IsTcp => EndPoint is IPEndPoint;

    public int Port => ((IPEndPoint)EndPoint).Port;

    /// <summary>The path of a UNIX-domain socket that has one; null for an abstract name and for TCP.</summary>
    public string? FilePath => IsTcp || Text.StartsWith("unix:@", StringComparison.Ordinal) ? null : Text["unix:".Length..];

    public static ServerAddress Parse(string text)
    {
        if (text.StartsWith("tcp://", StringComparison.Ordinal))
            return new(text, IPEndPoint.Parse(text["tcp://".Length..]));
        string path = text["unix:".Length..];
        return new(text, new UnixDomainSocketEndPoint(path.StartsWith('@') ? $"\0{path[1..]}" : path));
    }

    public Socket NewSocket() => IsTcp
        ? new(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
        : new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Whether anybody takes connections there.</summary>
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
