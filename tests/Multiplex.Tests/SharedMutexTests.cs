using System.Runtime.CompilerServices;
using Multiplex.Tests.Support;

namespace Multiplex.Tests;

/// <summary>A mutex of several threads and processes, which recovers from the death of its owner.</summary>
public unsafe class SharedMutexTests
{
    private SharedMemory _memory = null!;

    private ref SharedMutex Mutex => ref *(SharedMutex*)Unsafe.AsPointer(ref _memory.Word(0));

    [SetUp]
    public void Make_it()
    {
        _memory = new(4096);
        Mutex.Initialize();
    }

    [TearDown]
    public void Give_the_memory_back() => _memory.Dispose();

    [Test]
    public void One_has_it_at_a_time()
    {
        Mutex.Lock();
        Assert.That(Background.Run(() => Mutex.TryLock()).Result(), Is.False);
        Mutex.Unlock();
        Assert.That(Background.Run(() => Mutex.TryLock()).Result(), Is.True, "and its thread has ended without giving it up");
        Mutex.Lock();
        Mutex.Unlock();
    }

    [Test]
    public void Threads_that_wait_for_it_lose_no_update()
    {
        const int Threads = 4, Each = 20_000;
        ref long count = ref _memory.Word(1024);
        Background<bool>[] threads = [.. Enumerable.Range(0, Threads).Select(_ => Background.Run(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                Mutex.Lock();
                _memory.Word(1024)++;
                Mutex.Unlock();
            }
        }))];
        Array.ForEach(threads, thread => thread.Result());
        Assert.That(count, Is.EqualTo(Threads * Each));
    }
}
