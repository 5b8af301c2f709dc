using System.Text;
using static Multiplex.Interop.Libc;

namespace Multiplex.Observing;

/// <summary>How much an event matters: the numbers are those of syslog(3).</summary>
public enum EventLevel
{
    /// <summary>Something has failed that should not.</summary>
    Error = 3,

    /// <summary>Something that the operator may want to change.</summary>
    Warning = 4,

    /// <summary>What is usual.</summary>
    Info = 6,

    /// <summary>What helps to find a fault.</summary>
    Debug = 7,
}

/// <summary>
/// What happens to servers that their operator should know, from all processes and threads. It is reported here, and not to a logger, since a forked process may have neither
/// threads nor async.
/// </summary>
public static class ServerEvents
{
    /// <summary>
    /// Takes an event: its level, a name for programs, such as <c>child_lost</c>, and a text for people. It must not throw. By default the text is a line on standard error. To be set
    /// before a server runs.
    /// </summary>
    public static Action<EventLevel, string, string> Report { get; set; } = WriteToStandardError;

    // With write(2), not Console, which may start a thread. A standard error that is closed is no second failure.
    private static void WriteToStandardError(EventLevel level, string name, string text) =>
        _ = write(2, Encoding.UTF8.GetBytes($"multiplex: {text}\n"));
}
