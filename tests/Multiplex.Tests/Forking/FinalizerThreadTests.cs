using System.Runtime.CompilerServices;
using Multiplex.Forking;

namespace Multiplex.Tests.Forking;

/// <summary>A parent waits before a fork until the runtime's finalizer thread sleeps.</summary>
[NonParallelizable]
public sealed class FinalizerThreadTests
{
    [Test]
    public void Rest_is_awaited_until_the_last_finalizer_has_run()
    {
        using FinalizerThread thread = new();
        using Latch latch = new();
        Drop(latch);
        GC.Collect();
        Task rest = Task.Run(thread.AwaitRest);
        try
        {
            Assert.That(latch.Begun.Wait(Eventually.Deadline), "no finalizer ran");
            Assert.That(rest.IsCompleted, Is.False);
        }
        finally
        {
            latch.GoOn.Set();
        }

        Assert.That(rest.Wait(Eventually.Deadline), "the rest did not come");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop(Latch latch) => GC.KeepAlive(new Finalized(latch));

    private sealed class Latch : IDisposable
    {
        public ManualResetEventSlim Begun { get; } = new();

        public ManualResetEventSlim GoOn { get; } = new();

        public void Dispose()
        {
            Begun.Dispose();
            GoOn.Dispose();
        }
    }

    private sealed class Finalized(Latch latch)
    {
        ~Finalized()
        {
            latch.Begun.Set();
            latch.GoOn.Wait(Eventually.Deadline);
        }
    }
}
