using System.Diagnostics;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>Waits for what must become true. The deadline guards against hanging; it is no measure of speed.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns once the condition holds; fails with the reason when the deadline passes first.</summary>
    public static void Holds(Func<bool> condition, Func<string> otherwise)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Deadline)
                Assert.Fail($"not within {Deadline}: {otherwise()}");
            Thread.Sleep(s_step);
        }
    }

    /// <summary>Returns once the condition holds.</summary>
    public static void Holds(Func<bool> condition, string otherwise) => Holds(condition, () => otherwise);
}
