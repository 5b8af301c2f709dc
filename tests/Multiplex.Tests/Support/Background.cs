using System.Runtime.ExceptionServices;

namespace Multiplex.Tests.Support;

/// <summary>Runs an action on its own thread while the test goes on. Waiting for it throws what it threw.</summary>
internal sealed class Background<T>
{
    private readonly Thread _thread;
    private T? _result;
    private Exception? _failure;

    public Background(Func<T> work)
    {
        _thread = new(() => Run(work)) { IsBackground = true };
        _thread.Start();
    }

    public bool IsRunning => _thread.IsAlive;

    /// <summary>Its result, once it has ended; fails if it does not end.</summary>
    public T Result()
    {
        Assert.That(_thread.Join(Eventually.Deadline), Is.True, "the background thread hangs");
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
        return _result!;
    }

    private void Run(Func<T> work)
    {
        try
        {
            _result = work();
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }
}

/// <summary>Starts them.</summary>
internal static class Background
{
    public static Background<T> Run<T>(Func<T> work) => new(work);

    public static Background<bool> Run(Action work) => new(() =>
    {
        work();
        return true;
    });
}
