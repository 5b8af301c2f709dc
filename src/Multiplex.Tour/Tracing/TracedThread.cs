using System.Runtime.ExceptionServices;

namespace Multiplex.Tour.Tracing;

/// <summary>A thread beside the lesson's own. The lesson rethrows its exceptions.</summary>
internal sealed class TracedThread
{
    private readonly Thread _thread;
    private Exception? _failure;

    public TracedThread(Action work)
    {
        _thread = new(() => Run(work)) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Waits until it has ended.</summary>
    /// <exception cref="LessonException">It has not ended after <see cref="Trace.LongestWait"/>.</exception>
    public void Join()
    {
        if (!_thread.Join(Trace.LongestWait))
            throw new LessonException($"a thread of the lesson has not ended after {Trace.LongestWait.TotalSeconds} s");
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    private void Run(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }
}
