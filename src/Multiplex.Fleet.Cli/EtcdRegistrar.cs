using System.Diagnostics;
using Multiplex.Cli;
using Multiplex.Cli.Engines;
using Multiplex.Cli.Serving;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Fleet.Etcd;
using Multiplex.Observing;
using Multiplex.Rpc.Binding;
using static Multiplex.Interop.Libc;

namespace Multiplex.Fleet.Cli;

/// <summary>The process that keeps one server's registrations in etcd: see <see cref="SideRegistrar"/>.</summary>
internal static class EtcdRegistrar
{
    private static readonly TimeSpan s_startWithin = TimeSpan.FromSeconds(5), s_slowStartWithin = TimeSpan.FromSeconds(20), s_look = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs until the server stops or dies.</summary>
    /// <returns>The exit status.</returns>
    public static int Run(string[] words)
    {
        (int server, int process, NameBackendOptions options, (EventLevel Level, bool IsJson) log, IReadOnlyList<string> addresses) = SideRegistrar.Read(words);
        Log.Configure(log.Level, log.IsJson);
        fcntl(server, F_SETFD, FD_CLOEXEC).OrThrow("fcntl");
        try
        {
            return Keep(server, EtcdAddress.Parse(options.Url), options, [.. addresses.Select(text => RegistrationOf(FleetEntry.Parse(text)!))], process);
        }
        catch (FormatException e)
        {
            SideRegistrar.SayFailed(server, e.Message);
            return ExitStatus.Usage;
        }
    }

    private static int Keep(int server, EtcdAddress address, NameBackendOptions options, Registration[] served, int process)
    {
        OwnEntries own = new(address, options, process);
        using EtcdClient client = new(address);
        bool hasStarted = false;   // until then the server says what is wrong, and ends
        EtcdRegistrations registrations = new(
            client,
            options.Lease,
            line =>
            {
                if (Volatile.Read(ref hasStarted))
                    FleetMember.Say(line);
            },
            () => own.Of(served));
        if (!IsWritten(registrations))
        {
            string reason = registrations.Problem is { } problem && !registrations.IsSilence ? problem : $"etcd at {address} does not answer within {s_slowStartWithin.TotalSeconds:0} s";
            registrations.DisposeAsync().AsTask().GetAwaiter().GetResult();
            SideRegistrar.SayFailed(server, reason);
            return ExitStatus.Failed;
        }

        Volatile.Write(ref hasStarted, true);
        SideRegistrar.SayDone(server);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);   // frees garbage of the start
        StartedPages.Drop();
        bool stops = recv(server, stackalloc byte[1], 0).Value > 0;   // else the server was killed
        registrations.DisposeAsync().AsTask().GetAwaiter().GetResult();
        if (stops)
            SideRegistrar.SayDone(server);
        return ExitStatus.Done;
    }

    // An etcd that refuses is not waited for as long as one that has not answered yet.
    private static bool IsWritten(EtcdRegistrations registrations)
    {
        for (long start = Stopwatch.GetTimestamp(); !registrations.Written.Wait(s_look);)
        {
            bool isSlow = registrations.Problem is null || registrations.IsSilence;
            if (Stopwatch.GetElapsedTime(start) >= (isSlow ? s_slowStartWithin : s_startWithin))
                return false;
        }

        return true;
    }

    private static Registration RegistrationOf(FleetEntry entry) => new(entry.Program, entry.Version, entry.Netid, entry.Address, $"{geteuid()}");
}
