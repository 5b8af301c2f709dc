using System.Diagnostics.CodeAnalysis;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// Calls that wait for a worker. One idle worker is woken at a time, and wakes the next when it leaves calls behind: short calls
/// are done by few workers, long ones get one each. One that finds nothing goes on looking for a while, for the next call
/// often comes before a thread could fall asleep and be woken; any other sleeps at once, and leaves the cores to those who have work.
/// </summary>
internal sealed class CallQueue
{
    private const int Looks = 100;   // some 50 µs: what it costs to be woken

    private readonly Queue<HandedCall> _calls = new();   // and the lock: its Monitor is waited on
    private int _idle;
    private volatile int _count;
    private bool _isWaking;
    private bool _isLooking;
    private bool _isComplete;

    /// <summary>Adds one.</summary>
    public void Add(HandedCall call)
    {
        lock (_calls)
        {
            _calls.Enqueue(call);
            _count = _calls.Count;
            WakeOne();
        }
    }

    /// <summary>Waits for one.</summary>
    /// <returns>False when there is none and none will come.</returns>
    public bool TryTake([NotNullWhen(true)] out HandedCall? call)
    {
        lock (_calls)
        {
            if (_calls.Count > 0 || _isLooking)
                return TryDequeue(out call);
            _isLooking = true;
        }

        SpinWait look = default;
        while (_count == 0 && look.Count < Looks)
            look.SpinOnce(sleep1Threshold: -1);
        lock (_calls)
        {
            _isLooking = false;
            return TryDequeue(out call);
        }
    }

    /// <summary>None will be added any more.</summary>
    public void Complete()
    {
        lock (_calls)
        {
            _isComplete = true;
            Monitor.PulseAll(_calls);
        }
    }

    // Under the lock, which is given up while it waits.
    private bool TryDequeue([NotNullWhen(true)] out HandedCall? call)
    {
        while (!_calls.TryDequeue(out call))
        {
            if (_isComplete)
                return false;
            _idle++;
            Monitor.Wait(_calls);
            _idle--;
            _isWaking = false;
        }

        _count = _calls.Count;
        if (_count > 0)
            WakeOne();
        return true;
    }

    private void WakeOne()
    {
        if (_idle == 0 || _isWaking || (_isLooking && _calls.Count == 1))
            return;
        _isWaking = true;
        Monitor.Pulse(_calls);
    }
}
