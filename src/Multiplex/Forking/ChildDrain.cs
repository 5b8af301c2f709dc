using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>The stop of a server of several processes: the parent signals its children until the last of them has ended.</summary>
internal static class ChildDrain
{
    /// <summary>Returns once no child is left. After the time to drain, or with a second request to stop, kills them.</summary>
    /// <param name="service">Gives the limits, and the requests to stop.</param>
    /// <param name="children">The children that are to end.</param>
    /// <param name="connections">How many connections they hold: what is cut off when they are killed.</param>
    /// <param name="beforeEachLook">Called before each look at the children; returns true while it has more to do.</param>
    public static void Run(Service service, Children children, Func<int> connections, Func<bool>? beforeEachLook = null)
    {
        long deadline = Environment.TickCount64 + (long)service.Options.DrainTime.TotalMilliseconds;
        bool cut = false;
        while ((beforeEachLook?.Invoke() ?? false) || children.Count > 0)
        {
            if (!cut && (Environment.TickCount64 > deadline || service.Stop.Requests() > 1))
            {
                cut = true;
                service.Counters.Add(Counter.CutOff, connections());
            }

            children.Signal(cut ? SIGKILL : ChildProcess.StopSignal);
            children.AwaitOne(service.Stop.Descriptor, ChildProcess.TellAgainMilliseconds);
            children.Reap();
        }
    }
}
