namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>Runs an action that changes its thread for good, on a thread that ends with it.</summary>
internal static class OnItsThread
{
    /// <summary>Runs it to its end.</summary>
    /// <exception cref="AggregateException">It threw.</exception>
    public static T Run<T>(Func<T> run)
    {
        T? result = default;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                result = run();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result! : throw new AggregateException(failure);
    }
}
