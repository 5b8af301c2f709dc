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
        ThreadNames = new Dictionary<int, string> { [10] = "server", [20] = "server" },
    };
}
