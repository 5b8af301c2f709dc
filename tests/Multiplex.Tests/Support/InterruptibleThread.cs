using System.Globalization;
using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>The signal by which tests interrupt their threads.</summary>
internal static class InterruptibleThread
{
    private const int SIGUSR2 = 12;   // neither the runtime nor the test host uses it

    /// <summary>From now on the signal ends a call that waits with EINTR, and does nothing else.</summary>
    public static void LetTheSignalInterrupt()
    {
        // The handler is abs(3), called with the signal's number: no managed code may run in a handler. Without SA_RESTART, a call is interrupted.
        nint handler = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "abs");
        sigaction(SIGUSR2, handler).OrThrow("sigaction");
    }

    /// <summary>From now on the signal does nothing.</summary>
    public static void LetTheSignalBeIgnored() => sigaction(SIGUSR2, SIG_IGN).OrThrow("sigaction");

    /// <summary>Sends a signal to one thread of this process.</summary>
    public static void Send(int thread, int signal = SIGUSR2) =>
        Assert.That(tgkill(Environment.ProcessId, thread, signal), Is.Zero);

    [DllImport("libc")]
    private static extern int tgkill(int process, int thread, int signal);
}

/// <summary>A thread that waits in a call, and can be interrupted by a signal while it does.</summary>
internal sealed class InterruptibleThread<T>
{
    private const string FutexOnX64 = "202";
    private const string FutexOnArm64 = "98";

    private readonly Background<T> _call;
    private volatile int _tid;

    public InterruptibleThread(Func<T> call) => _call = Background.Run(() =>
    {
        _tid = gettid();
        return call();
    });

    public bool HasReturned => !_call.IsRunning;

    /// <summary>Sends the signal when the thread sleeps in the kernel, so many times; each wakes it up once.</summary>
    public void InterruptWhileWaiting(int times)
    {
        Eventually.Holds(() => _tid != 0, "the thread has started");
        for (int i = 0; i < times; i++)
        {
            Eventually.Holds(SleepsInItsCall, "the thread sleeps in its call");
            long before = Sleeps();
            InterruptibleThread.Send(_tid);
            Eventually.Holds(() => Sleeps() > before, "the signal woke the thread up");
        }
    }

    /// <summary>What the call returned, once it has.</summary>
    public T Result() => _call.Result();

    // The system call that the thread is in, proc(5): "running" when it is in none; futex(2) is the runtime's own waiting.
    private bool SleepsInItsCall() => File.ReadAllText($"/proc/self/task/{_tid}/syscall").Split(' ', '\n')[0]
        is not ("running" or "-1" or FutexOnX64 or FutexOnArm64);

    // How often it went to sleep: more often than any number, once the thread has ended.
    private long Sleeps()
    {
        try
        {
            string line = File.ReadAllLines($"/proc/self/task/{_tid}/status")
                .First(line => line.StartsWith("voluntary", StringComparison.Ordinal));
            return long.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException) when (HasReturned)
        {
            return long.MaxValue;
        }
    }
}
