using Multiplex.Engine;

namespace Multiplex.Multiplexers;

/// <summary>
/// Any multiplexer, by which a thread looks for a time whether something is ready before it sleeps: see <see cref="AdaptiveSpin"/>. A signal that comes
/// while it looks does not end the wait.
/// </summary>
internal sealed class SpinningMultiplexer : IMultiplexer
{
    private readonly IMultiplexer _multiplexer;
    private readonly AdaptiveSpin _spin;

    private SpinningMultiplexer(IMultiplexer multiplexer, TimeSpan time) => (_multiplexer, _spin) = (multiplexer, new(time));

    /// <summary>The multiplexer itself for zero, so that it costs nothing where it is not wanted.</summary>
    /// <param name="multiplexer">How to wait; the result disposes of it.</param>
    /// <param name="time">How long to look before each sleep.</param>
    public static IMultiplexer Of(IMultiplexer multiplexer, TimeSpan time) => time > TimeSpan.Zero ? new SpinningMultiplexer(multiplexer, time) : multiplexer;

    /// <inheritdoc/>
    public int DescriptorLimit => _multiplexer.DescriptorLimit;

    /// <inheritdoc/>
    public void Add(int fd, Interest interest) => _multiplexer.Add(fd, interest);

    /// <inheritdoc/>
    public void Modify(int fd, Interest interest) => _multiplexer.Modify(fd, interest);

    /// <inheritdoc/>
    public void Remove(int fd) => _multiplexer.Remove(fd);

    /// <inheritdoc/>
    public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
    {
        if (timeoutMilliseconds == 0 || !_spin.Begins())
            return _multiplexer.Wait(ready, timeoutMilliseconds);
        long began = Environment.TickCount64;
        int count;
        do
        {
            count = _multiplexer.Wait(ready, 0);
        }
        while (count == 0 && _spin.GoesOn());
        _spin.End(count > 0);
        if (count > 0)
            return count;
        return _multiplexer.Wait(ready, timeoutMilliseconds < 0 ? -1 : (int)Math.Max(0, timeoutMilliseconds - (Environment.TickCount64 - began)));
    }

    /// <inheritdoc/>
    public void Dispose() => _multiplexer.Dispose();
}
