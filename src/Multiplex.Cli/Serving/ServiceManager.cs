using System.Text;
using Multiplex.Cli.Output;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// The service manager that started the server, such as systemd with <c>Type=notify</c>: it learns by a datagram to the socket that $NOTIFY_SOCKET names
/// how the server is, sd_notify(3). Without that variable nothing is sent.
/// </summary>
internal static class ServiceManager
{
    private const string Variable = "NOTIFY_SOCKET";

    /// <summary>The server accepts connections.</summary>
    /// <param name="status">One line on what it serves.</param>
    public static void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    /// <summary>The server has begun to stop.</summary>
    public static void Stopping() => Send("STOPPING=1\nSTATUS=calls in progress are answered");

    // A server serves also where this fails.
    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } name)
            return;
        if (name[0] is not ('/' or '@'))
        {
            StandardStream.Error.WriteLine($"multiplex: {Variable}={name} is neither a path nor an abstract name: the service manager is not notified");
            return;
        }

        try
        {
            byte[] address = AddressLookup.Find(Endpoint.Parse(EndpointKind.UnixGram.Prefix() + name), passive: false)[0];
            int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).OrThrow("socket");
            SyscallResult sent = sendto(sender, Encoding.UTF8.GetBytes(state), MSG_NOSIGNAL, address);
            close(sender);
            sent.OrThrow("sendto", name);
        }
        catch (Exception e) when (e is SyscallException or FormatException)
        {
            StandardStream.Error.WriteLine($"multiplex: the service manager at {Variable}={name} is not notified: {e.Message}");
        }
    }
}
