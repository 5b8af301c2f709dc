namespace Multiplex.Engine;

/// <summary>
/// Shows that a loop turns: between two waits it calls <see cref="Service.Alive"/>, again and again while nothing comes. A loop that hangs in a call does not.
/// For the loop's thread alone.
/// </summary>
/// <param name="service">How often.</param>
internal sealed class Heartbeat(Service service)
{
    private readonly long _interval = (long)service.AliveInterval.TotalMilliseconds;

    /// <summary>When it is due, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Due { get; private set; } = service.AliveInterval > TimeSpan.Zero ? Environment.TickCount64 : long.MaxValue;

    /// <summary>Shortens a wait in milliseconds, -1 for ever, so that it ends in time.</summary>
    public int Within(int milliseconds)
    {
        if (Due == long.MaxValue)
            return milliseconds;
        int left = (int)Math.Clamp(Due - Environment.TickCount64, 0, int.MaxValue);
        return milliseconds < 0 ? left : Math.Min(milliseconds, left);
    }

    /// <summary>After a wait.</summary>
    public void Beat()
    {
        if (Due == long.MaxValue || Environment.TickCount64 < Due)
            return;
        Due = Environment.TickCount64 + _interval;
        service.Alive();
    }
}
