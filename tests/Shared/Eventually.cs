using System.Diagnostics;
using static Multiplex.Interop.Libc;

namespace Multiplex.TestSupport;

/// <summary>Waits for an effect of another thread, another process or the kernel.</summary>
internal static class Eventually
{
    /// <summary>The deadline. It is longer than any step takes: when it passes, something hangs. It measures no speed.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>Limits each call on a socket to the deadline: a test that would hang fails with EAGAIN instead.</summary>
    public static void LimitWaits(int socket)
    {
        timeval limit = new() { tv_sec = (long)Deadline.TotalSeconds };
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, limit);
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, limit);
    }

    /// <summary>Returns once the condition holds; fails with the reason when the deadline passes first.</summary>
    public static void Holds(Func<bool> condition, Func<string> otherwise)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Deadline)
                NUnit.Framework.Assert.Fail($"not within {Deadline}: {otherwise()}");
            Thread.Sleep(1);   // a short pause: the condition decides, not the time
        }
    }

    /// <summary>As above, with a reason that is known beforehand.</summary>
    public static void Holds(Func<bool> condition, string otherwise) => Holds(condition, () => otherwise);
}
