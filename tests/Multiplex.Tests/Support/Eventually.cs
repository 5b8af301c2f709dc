using System.Diagnostics;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>Waits for what another thread, or the kernel, will bring about.</summary>
internal static class Eventually
{
    /// <summary>Longer than anything takes: passing it means that something hangs.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>Lets no call on a socket wait past the deadline: a test that would hang fails with EAGAIN instead.</summary>
    public static void LimitWaits(int socket)
    {
        timeval limit = new() { tv_sec = (long)Deadline.TotalSeconds };
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, limit);
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, limit);
    }

    /// <summary>Returns once the condition holds; fails when it does not come to hold.</summary>
    public static void Holds(Func<bool> condition, string what)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > Deadline)
                Assert.Fail($"this did not come to hold: {what}");
            Thread.Sleep(1);   // a small step: the condition decides, not the time
        }
    }
}
