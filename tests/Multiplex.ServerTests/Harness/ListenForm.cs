using System.Net;
using System.Net.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>The kinds of stream endpoint that a server listens on.</summary>
public enum ListenForm
{
    Tcp,
    TcpOverIPv6,
    UnixPath,
    UnixAbstract,
}

/// <summary>What to write after <c>--listen</c>.</summary>
internal static class ListenForms
{
    /// <summary>A new endpoint of this kind that nobody uses; skips the test when the machine lacks the kind.</summary>
    public static string NewEndpoint(this ListenForm form)
    {
        switch (form)
        {
            case ListenForm.Tcp:
                return "tcp://127.0.0.1:0";
            case ListenForm.TcpOverIPv6:
                if (!HasIPv6Loopback())
                    Assert.Ignore("this machine has no IPv6 loopback");
                return "tcp://[::1]:0";
            case ListenForm.UnixPath:
                return $"unix:{Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.sock")}";
            default:
                return $"unix:@multiplex-{Guid.NewGuid():N}";
        }
    }

    private static bool HasIPv6Loopback()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
