using System.Globalization;
using System.Text;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Adopted;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// The service manager that started the server, such as systemd with <c>Type=notify</c>. The server sends its state in a datagram to the socket in
/// $NOTIFY_SOCKET, sd_notify(3). Without that variable it sends nothing.
/// </summary>
internal static class ServiceManager
{
    private const string Variable = "NOTIFY_SOCKET";

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);   // until the manager has read messages from before: few fit into its queue

    private static int s_connection = -1;   // that is kept; -1: each message has its own

    /// <summary>Whether there is one.</summary>
    public static bool IsThere => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };

    /// <summary>Connects once, for a server that will not see the manager's path any more, chroot(2). Before <see cref="OwnDescriptors.Take"/>.</summary>
    public static void StayConnected() => Reach(name => s_connection = Connect(name));

    /// <summary>The server accepts connections.</summary>
    /// <param name="status">One line on what it serves.</param>
    public static void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    /// <summary>The server reads its configuration again; <see cref="Ready"/> is to follow.</summary>
    public static void Reloading() => Send($"RELOADING=1\nMONOTONIC_USEC={clock_gettime(CLOCK_MONOTONIC) / 1000}");

    /// <summary>The server has begun to stop. The stop does not wait for a manager whose queue is full.</summary>
    public static void Stopping()
    {
        const string State = "STOPPING=1\nSTATUS=calls in progress are answered";
        if (!TrySend(State))
            new Thread(() => Send(State)) { IsBackground = true, Name = "notification" }.Start();
    }

    /// <summary>
    /// The loops of the server are running: for the manager's watchdog, <see cref="WatchdogInterval"/>. A loop sends it, which must not wait: where the manager's queue
    /// is full, the messages in it say the same.
    /// </summary>
    public static void Alive() => TrySend("WATCHDOG=1");

    /// <summary>
    /// How often to call <see cref="Alive"/>: half of the time after which the manager considers this process stuck, WATCHDOG_USEC of
    /// sd_watchdog_enabled(3). Zero: the manager does not watch this process.
    /// </summary>
    public static TimeSpan WatchdogInterval()
    {
        const string Time = "WATCHDOG_USEC", Process = "WATCHDOG_PID";
        if (Environment.GetEnvironmentVariable(Time) is not { Length: > 0 } time
            || (Environment.GetEnvironmentVariable(Process) is { Length: > 0 } process && process != $"{Environment.ProcessId}"))
            return TimeSpan.Zero;
        if (long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds is > 0 and < long.MaxValue / 10)
            return TimeSpan.FromMicroseconds(microseconds) / 2;
        Log.Warning("watchdog_not_answered", $"{Time}={time} is no number of microseconds: the watchdog is not answered");
        return TimeSpan.Zero;
    }

    /// <summary>Stores a descriptor in the manager, which passes it to the next server under this name: <c>FileDescriptorStoreMax=</c> of systemd.service(5).</summary>
    public static void Store(string name, int descriptor) => Send($"FDSTORE=1\nFDNAME={name}", descriptor);

    // Waits while the manager's queue is full.
    private static void Send(string state, int descriptor = -1) =>
        Reach(name => Send(connection => DescriptorMessages.Send(connection, Encoding.UTF8.GetBytes(state), descriptor), name).OrThrow("sendmsg", name));

    // False: the manager's queue is full.
    private static bool TrySend(string state)
    {
        bool hasRoom = true;
        Reach(name =>
        {
            SyscallResult sent = Send(connection => send(connection, Encoding.UTF8.GetBytes(state), MSG_NOSIGNAL | MSG_DONTWAIT), name);
            hasRoom = !sent.Is(EAGAIN);
            if (hasRoom)
                sent.OrThrow("sendmsg", name);
        });
        return hasRoom;
    }

    private static SyscallResult Send(Func<int, SyscallResult> send, string name)
    {
        int connection = s_connection >= 0 ? s_connection : Connect(name);
        SyscallResult sent = send(connection);
        if (connection != s_connection)
            close(connection);
        return sent;
    }

    // If this fails, the server still serves.
    private static void Reach(Action<string> act)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } name)
            return;
        if (name[0] is not ('/' or '@'))
        {
            Log.Warning("not_notified", $"{Variable}={name} is neither a path nor an abstract name: the service manager is not notified");
            return;
        }

        try
        {
            act(name);
        }
        catch (Exception e) when (e is SyscallException or FormatException)
        {
            Log.Warning("not_notified", $"the service manager at {Variable}={name} is not notified: {e.Message}");
        }
    }

    private static int Connect(string name)
    {
        byte[] address = AddressLookup.Find(Endpoint.Parse(EndpointKind.UnixGram.Prefix() + name), passive: false)[0];
        int connection = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).OrThrow("socket");
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, timeval.Of(s_longestWait)).OrThrow("setsockopt SO_SNDTIMEO");
        SyscallResult connected = connect(connection, address);
        if (connected.IsError)
            close(connection);
        connected.OrThrow("connect", name);
        return connection;
    }
}
