using System.Diagnostics;

namespace Multiplex.Tests.Support;

/// <summary>Waits for what another thread, or the kernel, will bring about.</summary>
internal static class Eventually
{
    /// <summary>Longer than anything takes: passing it means that something hangs.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

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
