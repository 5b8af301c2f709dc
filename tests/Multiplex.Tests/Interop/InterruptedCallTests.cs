using System.Globalization;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop;

/// <summary>EINTR: a signal ends a call that waits. Wrappers go on with it, except waits, and the ones that say "once".</summary>
public class InterruptedCallTests
{
    private const int SIGUSR2 = 12;   // nobody else uses it: not the runtime, not the test host

    [OneTimeSetUp]
    public void Let_the_signal_interrupt_and_do_nothing_else()
    {
        // The handler is abs(3) of the signal's number: no managed code may run in it. Without SA_RESTART, a call is interrupted.
        nint handler = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "abs");
        sigaction(SIGUSR2, handler).OrThrow("sigaction");
    }

    [OneTimeTearDown]
    public void Let_the_signal_be_ignored() => sigaction(SIGUSR2, SIG_IGN).OrThrow("sigaction");

    [Test]
    public void A_recv_that_is_interrupted_goes_on_waiting_for_bytes()
    {
        using SocketPair pair = new();
        Waiter waiter = new(() => recv(pair.Here, new byte[8], 0));
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        send(pair.There, "ok"u8, 0).OrThrow("send");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(2));
    }

    [Test]
    public void A_read_that_is_interrupted_goes_on_waiting_for_bytes()
    {
        using SocketPair pair = new();
        Waiter waiter = new(() => read(pair.Here, new byte[8]));
        waiter.InterruptWhileWaiting(times: 3);
        write(pair.There, "ok"u8).OrThrow("write");
        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(2));
    }

    [Test]
    public void A_send_that_is_interrupted_goes_on_waiting_for_room()
    {
        using SocketPair pair = new();
        while (!send(pair.Here, new byte[4096], MSG_DONTWAIT).IsError)
        {
        }

        Waiter waiter = new(() => send(pair.Here, "x"u8, 0));
        waiter.InterruptWhileWaiting(times: 3);
        Assert.That(waiter.HasReturned, Is.False);
        while (!recv(pair.There, new byte[4096], MSG_DONTWAIT).IsError)
        {
        }

        Assert.That(waiter.Result().OrThrow("the call"), Is.EqualTo(1));
    }

    [Test]
    public void Recv_once_returns_EINTR()
    {
        using SocketPair pair = new();
        Waiter waiter = new(() => recv_once(pair.Here, new byte[8], 0));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
    }

    [Test]
    public void Poll_returns_EINTR_as_every_wait_does()
    {
        using SocketPair pair = new();
        Waiter waiter = new(() => poll([new pollfd { fd = pair.Here, events = POLLIN }], -1));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
    }

    [Test]
    public void Epoll_wait_returns_EINTR_as_every_wait_does()
    {
        int epoll = epoll_create1(EPOLL_CLOEXEC).OrThrow("epoll_create1");
        Waiter waiter = new(() => epoll_wait(epoll, new epoll_event[1], -1));
        waiter.InterruptWhileWaiting(times: 1);
        Assert.That(waiter.Result().Errno, Is.EqualTo(EINTR));
        close(epoll).OrThrow("close");
    }

    [DllImport("libc")]
    private static extern int tgkill(int process, int thread, int signal);

    /// <summary>A thread that waits in a call, and can be interrupted.</summary>
    private sealed class Waiter
    {
        private readonly Thread _thread;
        private volatile int _tid;
        private SyscallResult _result;

        public Waiter(Func<SyscallResult> call)
        {
            call.Method.MethodHandle.GetFunctionPointer();   // compiled before it waits, so that it waits in nothing else
            _thread = new(() =>
            {
                _tid = gettid();
                _result = call();
            })
            { IsBackground = true, Name = "waiter" };
            _thread.Start();
        }

        public bool HasReturned => !_thread.IsAlive;

        /// <summary>Sends the signal when the thread sleeps in the kernel, so many times; each wakes it up once.</summary>
        public void InterruptWhileWaiting(int times)
        {
            Eventually.Holds(() => _tid != 0, "the thread has started");
            for (int i = 0; i < times; i++)
            {
                Eventually.Holds(SleepsInTheKernel, "the thread sleeps in its call");
                long before = Sleeps();
                Assert.That(tgkill(Environment.ProcessId, _tid, SIGUSR2), Is.Zero);
                Eventually.Holds(() => Sleeps() > before, "the signal woke the thread up");
            }
        }

        public SyscallResult Result()
        {
            Eventually.Ends(_thread);
            return _result;
        }

        // The system call that the thread is in, proc(5): "running" when it is in none; futex is the runtime's own waiting.
        private bool SleepsInTheKernel()
        {
            string call = File.ReadAllText($"/proc/self/task/{_tid}/syscall").Split(' ', '\n')[0];
            return call is not ("running" or "-1" or FutexOnX64 or FutexOnArm64);
        }

        // How often it went to sleep; a thread that has ended is past counting.
        private long Sleeps()
        {
            try
            {
                string line = File.ReadAllLines($"/proc/self/task/{_tid}/status").First(line => line.StartsWith("voluntary", StringComparison.Ordinal));
                return long.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture);
            }
            catch (IOException) when (HasReturned)
            {
                return long.MaxValue;
            }
        }

        private const string FutexOnX64 = "202";
        private const string FutexOnArm64 = "98";
    }
}
