using System.Diagnostics;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Servers;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Processes;
using Multiplex.Tracing.Parsing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tracing.Recordings;

/// <summary>Has strace(1) record a server, and the clients of the story.</summary>
public static class Recorder
{
    private const long Rest = 8000;   // the time that is drawn after the last call, in microseconds

    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(60), s_mostReaction = TimeSpan.FromSeconds(10), s_lookAgain = TimeSpan.FromMilliseconds(10),
        s_mostDelay = TimeSpan.FromSeconds(1);

    /// <summary>Starts a server, has the clients act the story, and stops it.</summary>
    /// <param name="target">The server.</param>
    /// <param name="protocol">rpc or echo.</param>
    /// <param name="folder">Where strace's logs are left: NAME.server.strace and NAME.clients.strace.</param>
    /// <param name="interrupted">Ends it early: then the server and strace are ended.</param>
    /// <exception cref="IOException">The server did not start, or strace may not attach; the message has why.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static Recording Record(Target target, string protocol, string folder, CancellationToken interrupted = default)
    {
        string name = target.Name.Replace('/', '_');
        string log = Path.Combine(folder, $"{name}.server.strace"), clientLog = Path.Combine(folder, $"{name}.clients.strace");
        File.Delete(log);
        using ServerGuard guard = ServerGuard.Start();
        using ServerUnderTest server = (target with { Under = Strace.Before(log) }).Start(interrupted);
        AwaitQuiet(log, server.Id, interrupted);
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);   // strace is a child of this process, and is to attach to its threads
        StoryClient[] clients = Story.Clients(server.Endpoint, protocol);
        long start, end;
        using (ServerProcess strace = Attach(clientLog, clients.Select(client => client.ThreadId), all: false, interrupted))
        {
            const long FirstWait = 5_000_000;   // nanoseconds, so that all of them wait for the beginning
            long begin = clock_gettime(CLOCK_MONOTONIC) + FirstWait;
            start = Now() + (FirstWait / 1000);
            foreach (StoryClient client in clients)
                client.Begin(begin);
            foreach (StoryClient client in clients)
            {
                while (!client.Join(s_lookAgain))
                    interrupted.ThrowIfCancellationRequested();
            }

            AwaitQuiet(log, server.Id, interrupted);
            end = Now();
            Detach(strace);
        }

        (IReadOnlyDictionary<int, int> processes, IReadOnlyDictionary<int, string> names) = ThreadsOf(server.Id);
        IEnumerable<string> notes = clients.Where(client => client.Failure is not null).Select(client => $"The client \"{client.Name}\" went no further: {client.Failure}.");
        if (server.Ended is { } ended)
            notes = notes.Append($"{ended}.");
        else
            server.Stop();
        IReadOnlyList<TracedCall> serverCalls = StraceLog.Parse(File.ReadLines(log)), clientCalls = StraceLog.Parse(File.ReadLines(clientLog));
        long last = serverCalls.Concat(clientCalls).Select(call => call.End ?? call.Start).Where(time => time <= end).Max();
        return new(
            target.Name, target.Description, serverCalls, clientCalls, [.. clients.Select(client => (client.Name, client.ThreadId))], start, Math.Min(last + Rest, end))
        {
            ProcessOfThread = processes,
            ThreadNames = names,
            Notes = [.. notes],
        };
    }

    /// <summary>Records a server that runs already.</summary>
    /// <param name="pid">Its process; those that it has started are recorded too.</param>
    /// <param name="time">For how long.</param>
    /// <param name="folder">Where strace's log is left: PID.server.strace.</param>
    /// <param name="interrupted">Ends it early: then strace is detached.</param>
    /// <exception cref="IOException">There is no such process, or strace may not attach to it; the message has why.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static Recording Attach(int pid, TimeSpan time, string folder, CancellationToken interrupted = default)
    {
        if (!ProcessTree.IsAlive(pid))
            throw new IOException($"there is no process {pid}");
        string log = Path.Combine(folder, $"{pid}.server.strace");
        (IReadOnlyDictionary<int, int> processes, IReadOnlyDictionary<int, string> names) = ThreadsOf(pid);
        string name = names.GetValueOrDefault(pid, $"{pid}");
        long start, end;
        using ServerGuard guard = ServerGuard.Start();
        using (ServerProcess strace = Attach(log, ProcessTree.Of(pid), all: true, interrupted))
        {
            start = Now();
            long begun = Stopwatch.GetTimestamp();
            while (!strace.HasExitedWithin(s_lookAgain) && Stopwatch.GetElapsedTime(begun) < time && !interrupted.IsCancellationRequested)
            {
                // It ends by itself when the server does.
            }

            end = Now();
            if (strace.HasExited && Stopwatch.GetElapsedTime(begun) < time && ProcessTree.IsAlive(pid))
                AwaitInterruption(interrupted);
            Detach(strace);
        }

        interrupted.ThrowIfCancellationRequested();
        return new(name, $"process {pid}", StraceLog.Parse(File.ReadLines(log)), [], [], start, end) { ProcessOfThread = processes, ThreadNames = names };
    }

    // strace names on standard error each thread that it has attached to.
    private static ServerProcess Attach(string log, IEnumerable<int> ids, bool all, CancellationToken interrupted)
    {
        int[] attached = [.. ids];
        File.Delete(log);
        const string By = "attached";
        const int BySignal = 128;   // its exit status is greater then
        ServerProcess strace = new(Strace.Path(), Strace.Attached(log, attached, all), ServerGuard.Environment);
        long start = Stopwatch.GetTimestamp();
        while (strace.Errors.Count(line => line.Contains(By, StringComparison.Ordinal)) < attached.Length)
        {
            if (!strace.HasExitedWithin(s_lookAgain) && Stopwatch.GetElapsedTime(start) < ServerProcess.DefaultTimeout && !interrupted.IsCancellationRequested)
                continue;
            if (strace.HasExited && strace.WaitForExit() > BySignal)
                AwaitInterruption(interrupted);
            if (interrupted.IsCancellationRequested)
                Detach(strace);
            string why = strace.HasExited ? strace.End : string.Join(' ', strace.Errors);
            strace.Dispose();
            interrupted.ThrowIfCancellationRequested();
            throw new IOException($"strace cannot attach: {why}");
        }

        return strace;
    }

    // Ctrl-C goes to the whole group: strace may end of it before this process has taken the signal.
    private static void AwaitInterruption(CancellationToken interrupted) => interrupted.WaitHandle.WaitOne(s_mostDelay);

    private static void Detach(ServerProcess strace)
    {
        if (!strace.HasExited)
            strace.Signal(SIGINT);
        strace.WaitForExit();
    }

    // The server has nothing left to do when strace writes nothing more and all its threads sleep: one that was made and has not run yet has not
    // reached its wait. The wait has a limit, for a server that is always busy.
    private static void AwaitQuiet(string log, int server, CancellationToken interrupted)
    {
        long start = Stopwatch.GetTimestamp(), changed = start, length = -1;
        while (Stopwatch.GetElapsedTime(changed) < s_quiet && Stopwatch.GetElapsedTime(start) < s_mostReaction)
        {
            interrupted.ThrowIfCancellationRequested();
            long now = File.Exists(log) ? new FileInfo(log).Length : 0;
            if (now != length || !ProcessTree.IsAsleep(server))
                (length, changed) = (now, Stopwatch.GetTimestamp());
            Thread.Sleep(s_lookAgain);
        }
    }

    private static (IReadOnlyDictionary<int, int> Processes, IReadOnlyDictionary<int, string> Names) ThreadsOf(int server)
    {
        Dictionary<int, int> processes = [];
        Dictionary<int, string> names = [];
        foreach (int process in ProcessTree.Of(server))
        {
            foreach (int thread in ProcessTree.ThreadsOf(process))
            {
                processes[thread] = process;
                if (NameOf(process, thread) is { } name)
                    names[thread] = name;
            }
        }

        return (processes, names);
    }

    private static string? NameOf(int process, int thread)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/task/{thread}/comm").TrimEnd();
        }
        catch (IOException)
        {
            return null;   // it ended in between
        }
    }

    private static long Now() => clock_gettime(CLOCK_REALTIME) / 1000;
}
