using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

/// <summary>The classic failures are reported in one line: what failed, on what, with which errno, why, and what would help.</summary>
public class AddressProblemTests
{
    [TestCase("bind", EACCES, "tcp://127.0.0.1:80", "(EACCES)", "CAP_NET_BIND_SERVICE")]
    [TestCase("bind", EACCES, "unix:/s", "(EACCES)", "another directory")]
    [TestCase("bind", EADDRINUSE, "udp://127.0.0.1:53", "(EADDRINUSE)", "another socket has this address")]
    [TestCase("bind", EADDRINUSE, "unix:@s", "(EADDRINUSE)", "another server is there")]
    [TestCase("bind", EADDRNOTAVAIL, "tcp://192.0.2.1:80", "(EADDRNOTAVAIL)", "this machine has no such address")]
    [TestCase("bind", ENOENT, "unix:/no/s", "(ENOENT)", "a directory of the path is not there")]
    [TestCase("connect", ECONNREFUSED, "tcp://127.0.0.1:1", "(ECONNREFUSED)", "no server listens there")]
    [TestCase("connect", ECONNREFUSED, "unix:@s", "(ECONNREFUSED)", "no server listens there")]
    [TestCase("connect", ECONNREFUSED, "unix:/proc/self/status", "(ECONNREFUSED)", "no socket")]
    [TestCase("connect", ENOENT, "unix:/no/s", "(ENOENT)", "no server has made this path")]
    [TestCase("connect", ENOTDIR, "unix:/etc/hosts/s", "(ENOTDIR)", "no directory")]
    [TestCase("connect", EACCES, "unix:/s", "(EACCES)", "permission")]
    [TestCase("connect", ETIMEDOUT, "tcp://192.0.2.1:80", "(ETIMEDOUT)", "nothing answered")]
    [TestCase("connect", ENETUNREACH, "tcp://192.0.2.1:80", "(ENETUNREACH)", "no route to that network")]
    [TestCase("connect", EHOSTUNREACH, "tcp://192.0.2.1:80", "(EHOSTUNREACH)", "no way to that host")]
    [TestCase("connect", EADDRNOTAVAIL, "tcp://127.0.0.1:1", "(EADDRNOTAVAIL)", "ip_local_port_range")]
    [TestCase("connect", EPROTOTYPE, "unix:/s", "(EPROTOTYPE)", "another type")]
    [TestCase("socket", EMFILE, "tcp://127.0.0.1:1", "(EMFILE)", "ulimit -n")]
    public void Each_says_why_and_what_would_help(string call, int errno, string endpoint, string name, string why)
    {
        SyscallException problem = AddressProblem.Of(call, errno, Endpoint.Parse(endpoint));
        Assert.That(problem.Message, Does.StartWith($"{call} {endpoint}: ").And.Contains(name).And.Contains(why).And.Not.Contains("\n"));
        Assert.That(problem.Errno, Is.EqualTo(errno));
    }

    [Test]
    public void What_needs_no_explanation_gets_none() => Assert.That(
        AddressProblem.Of("connect", EIO, Endpoint.Parse("unix:@s")).Message, Is.EqualTo("connect unix:@s: Input/output error (EIO)"));

    [TestCase(EAI_NONAME, "(EAI_NONAME)", "no such host or service")]
    [TestCase(EAI_SERVICE, "(EAI_SERVICE)", "no such service")]
    [TestCase(EAI_AGAIN, "(EAI_AGAIN)", "no name server answered")]
    [TestCase(EAI_FAMILY, "(getaddrinfo(3))", "")]
    public void Lookups_fail_in_the_words_of_the_C_library(int status, string name, string why) => Assert.That(
        AddressProblem.OfLookup(status, Endpoint.Parse("tcp://host:80")).Message,
        Does.StartWith($"getaddrinfo tcp://host:80: {gai_strerror(status)} {name}").And.Contains(why));

    [Test]
    public void A_port_below_1024_without_the_privilege_is_refused()
    {
        if (File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim() != "1024")
            Assert.Ignore("net.ipv4.ip_unprivileged_port_start is not what it usually is");
        Background<string> thread = Background.Run(() =>
        {
            Capabilities.DropAll();   // those of this thread, which ends here
            return Assert.Throws<SyscallException>(() => Listener.Open(Endpoint.Parse("tcp://127.0.0.1:1"), 1).Dispose())!.Message;
        });
        Assert.That(
            thread.Result(), Does.StartWith("bind tcp://127.0.0.1:1: Permission denied (EACCES): a port below 1024 needs privilege"));
    }
}
