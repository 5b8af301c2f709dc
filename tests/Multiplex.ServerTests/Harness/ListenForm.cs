using System.Net;
using System.Net.Sockets;
using Multiplex.Load.Comparison.Servers;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>The kinds of endpoint that a server serves.</summary>
public enum ListenForm
{
    Tcp,
    TcpOverIPv6,
    UnixPath,
    UnixAbstract,
    UnixPacket,
    Udp,
    UdpOverIPv6,
    UnixGram,
}

/// <summary>What to write after <c>--listen</c>.</summary>
internal static class ListenForms
{
    /// <summary>The kind of its endpoints.</summary>
    public static EndpointKind Kind(this ListenForm form) => form switch
    {
        ListenForm.Tcp or ListenForm.TcpOverIPv6 => EndpointKind.Tcp,
        ListenForm.UnixPacket => EndpointKind.UnixPacket,
        ListenForm.Udp or ListenForm.UdpOverIPv6 => EndpointKind.Udp,
        ListenForm.UnixGram => EndpointKind.UnixGram,
        _ => EndpointKind.Unix,
    };

    /// <summary>A free endpoint of this kind; skips the test if the machine lacks the kind.</summary>
    public static string NewEndpoint(this ListenForm form)
    {
        if (form is ListenForm.TcpOverIPv6 or ListenForm.UdpOverIPv6 && !HasIPv6Loopback())
            Assert.Ignore("this machine has no IPv6 loopback");
        string prefix = form.Kind().Prefix();
        return form switch
        {
            ListenForm.Tcp or ListenForm.Udp => $"{prefix}//127.0.0.1:0",
            ListenForm.TcpOverIPv6 or ListenForm.UdpOverIPv6 => $"{prefix}//[::1]:0",
            ListenForm.UnixAbstract => $"{prefix}@multiplex-{Guid.NewGuid():N}",
            _ => $"{prefix}{Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.sock")}",
        };
    }

    /// <summary>
    /// The same for a server that is started again at its address: a port over IPv4 is not one that the kernel gives to sockets that ask for any,
    /// such as those of other tests while the server is down.
    /// </summary>
    public static string NewLastingEndpoint(this ListenForm form) =>
        form is ListenForm.Tcp or ListenForm.Udp ? $"{form.Kind().Prefix()}//127.0.0.1:{UnusedPorts.Choose(1)[0].Port}" : form.NewEndpoint();

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
