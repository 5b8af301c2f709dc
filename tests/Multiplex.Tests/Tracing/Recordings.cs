using Multiplex.Tracing.Parsing;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Tests.Tracing;

/// <summary>Recordings of two servers, written by hand in the format of strace(1). Their clock begins at 100 s.</summary>
internal static class Recordings
{
    private const string Listener = "3<TCP:[127.0.0.1:80]>", Server = "4<TCP:[127.0.0.1:80->127.0.0.1:5001]>", Client = "7<TCP:[127.0.0.1:5001->127.0.0.1:80]>";

    /// <summary>A server that forks a child for its one client.</summary>
    public static Recording Fork { get; } = Of(
        "fork",
        [
            $"10 99.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = {Listener} <0.000010>",
            $"10 99.000100 bind({Listener}, {{sa_family=AF_INET}}, 16) = 0 <0.000010>",
            $"10 99.000200 listen({Listener}, 5) = 0 <0.000010>",
            $"10 99.900000 poll([{{fd=5<anon_inode:[signalfd]>, events=POLLIN}}, {{fd={Listener}, events=POLLIN}}], 2, -1) = 1 ([{{fd=3, revents=POLLIN}}]) <0.101500>",
            $"10 100.001600 accept4({Listener}, NULL, NULL, SOCK_CLOEXEC) = {Server} <0.000020>",
            "10 100.001700 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>",
            $"11 100.001900 close({Listener}) = 0 <0.000010>",
            "10 100.001950 <... clone resumed>) = 11 <0.000250>",
            $"10 100.002000 close({Server}) = 0 <0.000010>",
            $"10 100.002100 poll([{{fd=5<anon_inode:[signalfd]>, events=POLLIN}}, {{fd={Listener}, events=POLLIN}}], 2, -1 <unfinished ...>",
            $"11 100.002200 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            $"11 100.002300 recvfrom({Server}, \"f\", 65536, 0, NULL, NULL) = 1 <0.005000>",
            $"11 100.007400 sendto({Server}, \"half\", 4, MSG_NOSIGNAL, NULL, 0) = 4 <0.000010>",
            $"11 100.007500 recvfrom({Server}, \"\", 65536, 0, NULL, NULL) = 0 <0.004000>",
            $"11 100.011600 close({Server}) = 0 <0.000010>",
            "11 100.011700 exit_group(0)   = ?",
            "11 100.011800 +++ exited with 0 +++",
            "10 100.011900 <... poll resumed>) = 1 ([{fd=5, revents=POLLIN}]) <0.009800>",
            "10 100.012000 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], WNOHANG, NULL) = 11 <0.000010>",
            $"10 100.012100 poll([{{fd=5<anon_inode:[signalfd]>, events=POLLIN}}, {{fd={Listener}, events=POLLIN}}], 2, -1 <unfinished ...>",
        ]);

    /// <summary>A server that waits for its client and for new ones in epoll_wait(2).</summary>
    public static Recording Epoll { get; } = Of(
        "epoll",
        [
            $"20 99.900000 epoll_wait(5<anon_inode:[eventpoll]>, [{{events=EPOLLIN}}], 64, -1) = 1 <0.101500>",
            $"20 100.001600 accept4({Listener}, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK) = {Server} <0.000020>",
            $"20 100.001700 epoll_ctl(5<anon_inode:[eventpoll]>, EPOLL_CTL_ADD, {Server}, {{events=EPOLLIN}}) = 0 <0.000010>",
            $"20 100.001800 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            "20 100.001900 epoll_wait(5<anon_inode:[eventpoll]>, [{events=EPOLLIN}], 64, -1) = 1 <0.005300>",
            $"20 100.007300 recvfrom({Server}, \"f\", 65536, 0, NULL, NULL) = 1 <0.000010>",
            $"20 100.007400 sendto({Server}, \"half\", 4, MSG_NOSIGNAL, NULL, 0) = 4 <0.000010>",
            "20 100.007500 epoll_wait(5<anon_inode:[eventpoll]>, [{events=EPOLLIN}], 64, -1) = 1 <0.004000>",
            $"20 100.011550 recvfrom(4<TCP:[1234]>, \"\", 65536, 0, NULL, NULL) = 0 <0.000010>",
            $"20 100.011600 close(4<TCP:[1234]>) = 0 <0.000010>",
            "20 100.011700 epoll_wait(5<anon_inode:[eventpoll]>,  <unfinished ...>",
        ]);

    /// <summary>A process that waits in accept4(2) for its next client.</summary>
    public static Recording Prefork { get; } = Of(
        "prefork",
        [
            $"40 99.900000 accept4({Listener}, NULL, NULL, SOCK_CLOEXEC) = {Server} <0.101600>",
            $"40 100.001800 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            $"40 100.001900 recvfrom({Server}, \"f\", 65536, 0, NULL, NULL) = 1 <0.005300>",
            $"40 100.007400 sendto({Server}, \"half\", 4, MSG_NOSIGNAL, NULL, 0) = 4 <0.000010>",
            $"40 100.007500 recvfrom({Server}, \"\", 65536, 0, NULL, NULL) = 0 <0.004000>",
            $"40 100.011600 close({Server}) = 0 <0.000010>",
            $"40 100.011700 accept4({Listener},  <unfinished ...>",
        ]);

    /// <summary>A server that sleeps before it answers, and has a timer thread, which sleeps too.</summary>
    public static Recording Sleeping { get; } = Of(
        "sleeping",
        [
            $"50 99.900000 accept4({Listener}, NULL, NULL, SOCK_CLOEXEC) = {Server} <0.101600>",
            $"50 100.001800 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            "51 100.001850 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=9000000}, NULL) = 0 <0.009000>",
            "50 100.001900 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=5000000}, NULL) = 0 <0.005000>",
            $"50 100.007400 sendto({Server}, \"half\", 4, MSG_NOSIGNAL, NULL, 0) = 4 <0.000010>",
            "50 100.007500 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=3000000}, NULL) = 0 <0.004000>",
        ]);

    /// <summary>A worker thread sleeps for a call that the main thread has received, beside a client whose request is there by half.</summary>
    public static Recording Worker { get; } = WithSlowClient(Of(
        "worker",
        [
            "51 99.900000 futex(0x1, FUTEX_WAIT_PRIVATE, 2, NULL) = 0 <0.102300>",
            $"50 99.900000 epoll_wait(5<anon_inode:[eventpoll]>, [{{events=EPOLLIN}}], 64, -1) = 1 <0.101500>",
            $"50 100.001600 accept4({Listener}, NULL, NULL, SOCK_CLOEXEC) = {Server} <0.000020>",
            "50 100.001700 recvfrom(6<TCP:[127.0.0.1:80->127.0.0.1:5002]>, \"call\", 65536, 0, NULL, NULL) = 4 <0.000010>",
            $"50 100.001800 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            "50 100.002100 futex(0x1, FUTEX_WAKE_PRIVATE, 1) = 1 <0.000010>",
            "51 100.002300 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=8000000}, NULL) = 0 <0.008000>",
            "51 100.010400 write(7<anon_inode:[eventfd]>, \"\\1\", 8) = 8 <0.000010>",
            "51 100.010500 futex(0x1, FUTEX_WAIT_PRIVATE, 2, NULL) = 0 <0.000500>",
            "51 100.011100 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=4000000}, NULL) = 0 <0.004000>",
        ]));

    /// <summary>A process that was attached to: it reads from a connection and sleeps, and no client of the story is there.</summary>
    public static Recording Attached { get; } = new(
        "attached",
        "process 50",
        StraceLog.Parse(
        [
            $"50 100.001800 recvfrom({Server}, \"hal\", 65536, 0, NULL, NULL) = 3 <0.000010>",
            "50 100.001900 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=5000000}, NULL) = 0 <0.005000>",
            "50 100.007500 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0},  <unfinished ...>",
        ]), [], [], 100_000_000, 100_020_000);

    /// <summary>A process that was attached to while it slept.</summary>
    public static Recording Idle { get; } = new(
        "idle", "process 50", StraceLog.Parse(["50 100.001900 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0},  <unfinished ...>"]), [], [], 100_000_000, 100_020_000);

    private static Recording WithSlowClient(Recording recording) => recording with
    {
        ClientCalls =
        [
            .. recording.ClientCalls,
            .. StraceLog.Parse(
            [
                "31 100.000200 connect(8<TCP:[98]>, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0 <0.000500>",
                "31 100.001000 sendto(8<TCP:[127.0.0.1:5002->127.0.0.1:80]>, \"call\", 4, MSG_NOSIGNAL, NULL, 0) = 4 <0.000020>",
                "31 100.002400 recvfrom(8<TCP:[127.0.0.1:5002->127.0.0.1:80]>, \"done\", 65536, 0, NULL, NULL) = 4 <0.008150>",
            ]),
        ],
        Clients = [.. recording.Clients, ("slow", 31)],
    };

    private static Recording Of(string name, string[] server) => new(
        name,
        $"{name} </script><b>&",
        StraceLog.Parse(server),
        StraceLog.Parse(
        [
            "30 100.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 7<TCP:[99]> <0.000010>",
            "30 100.001000 connect(7<TCP:[99]>, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0 <0.000500>",
            $"30 100.001550 sendto({Client}, \"hal\", 3, MSG_NOSIGNAL, NULL, 0) = 3 <0.000020>",
            "30 100.001600 clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=1, tv_nsec=0}, NULL) = 0 <0.005600>",
            $"30 100.007250 sendto({Client}, \"f\", 1, MSG_NOSIGNAL, NULL, 0) = 1 <0.000020>",
            $"30 100.007300 recvfrom({Client}, \"half\", 65536, 0, NULL, NULL) = 4 <0.000150>",
            $"30 100.011500 close({Client}) = 0 <0.000020>",
        ]),
        [("pieces", 30)], 100_000_000, 100_020_000)
    {
        ProcessOfThread = new Dictionary<int, int> { [51] = 50 },
        ThreadNames = new Dictionary<int, string> { [10] = "server", [20] = "server" },
    };
}
