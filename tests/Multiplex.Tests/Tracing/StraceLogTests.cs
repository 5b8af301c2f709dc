using Multiplex.Tracing.Parsing;

namespace Multiplex.Tests.Tracing;

/// <summary>Lines that strace 6.1 wrote, read.</summary>
public class StraceLogTests
{
    [Test]
    public void A_call_on_one_line()
    {
        TracedCall call = One("""26541 1795675334.921258 accept4(6<TCP:[127.0.0.1:46041]>, {sa_family=AF_INET, sin_port=htons(34836), sin_addr=inet_addr("127.0.0.1")}, [128 => 16], SOCK_CLOEXEC) = 11<TCP:[127.0.0.1:46041->127.0.0.1:34836]> <0.000017>""");
        Assert.That((call.Kind, call.Thread, call.Name, call.Start, call.Duration, call.Value, call.Error), Is.EqualTo((TracedKind.Call, 26541, "accept4", 1795675334921258, 17L, 11L, (string?)null)));
        Assert.That(call.Arguments, Does.StartWith("6<TCP:[127.0.0.1:46041]>, {").And.EndWith("SOCK_CLOEXEC"));
        Assert.That(Descriptors.First(call.Result), Is.EqualTo(new Descriptor(11, "TCP", "127.0.0.1:46041->127.0.0.1:34836")));
    }

    [Test]
    public void A_call_that_failed_and_one_with_spaces_before_its_result()
    {
        TracedCall failed = One("30736 1795675525.537369 read(5<anon_inode:[signalfd]>, 0x7ffc2459a910, 512) = -1 EAGAIN (Resource temporarily unavailable) <0.000009>");
        Assert.That((failed.Value, failed.Error, failed.Result), Is.EqualTo((-1L, "EAGAIN", "-1 EAGAIN (Resource temporarily unavailable)")));
        TracedCall plain = One("26844 1795675334.922508 getppid()       = 26541 <0.000009>");
        Assert.That((plain.Arguments, plain.Value), Is.EqualTo(("", 26541L)));
    }

    [Test]
    public void What_a_string_holds_ends_no_call()
    {
        TracedCall call = One("""7 1.000002 write(1</tmp/a>, "f(x) = 3 <0.5> \"5<TCP:[1.2.3.4:5->6.7.8.9:1]>\" <unfinished ...>", 20) = 20 <0.000001>""");
        Assert.That((call.Arguments.EndsWith(", 20", StringComparison.Ordinal), call.Value, call.Duration), Is.EqualTo((true, 20L, 1L)));
        Assert.That(Descriptors.In(call.Arguments), Is.EqualTo(new[] { new Descriptor(1, "", "/tmp/a") }), "what stands in a string is no descriptor");
    }

    [Test]
    public void A_call_on_two_lines_with_those_of_other_threads_between()
    {
        IReadOnlyList<TracedCall> calls = StraceLog.Parse(
        [
            "26541 1795675334.922405 accept4(6<TCP:[127.0.0.1:46041]>,  <unfinished ...>",
            "26844 1795675334.922430 prctl(PR_SET_PDEATHSIG, SIGKILL <unfinished ...>",
            "26541 1795675334.922441 <... accept4 resumed>0x7ffe59f74400, [128], SOCK_CLOEXEC) = -1 EAGAIN (Resource temporarily unavailable) <0.000023>",
            "26844 1795675334.922459 <... prctl resumed>) = 0 <0.000021>",
        ]);
        Assert.That(calls.Select(call => (call.Thread, call.Name, call.Arguments, call.Error, call.Duration)), Is.EqualTo(new[]
        {
            (26541, "accept4", "6<TCP:[127.0.0.1:46041]>, 0x7ffe59f74400, [128], SOCK_CLOEXEC", "EAGAIN", 23L),
            (26844, "prctl", "PR_SET_PDEATHSIG, SIGKILL", null, 21L),
        }).AsCollection);
    }

    [Test]
    public void A_call_whose_beginning_came_before_the_recording_began_when_its_end_says()
    {
        TracedCall call = One("2546 1795677006.252889 <... poll resumed>) = 1 ([{fd=5, revents=POLLIN}]) <0.282370>");
        Assert.That((call.Name, call.Start, call.End), Is.EqualTo(("poll", 1795677006252889 - 282370, 1795677006252889)));
    }

    [Test]
    public void Calls_that_do_not_return_have_no_end()
    {
        IReadOnlyList<TracedCall> calls = StraceLog.Parse(
        [
            "26883 1795675337.499601 poll([{fd=6<anon_inode:[signalfd]>, events=POLLIN}], 1, 15500 <unfinished ...>",
            "26880 1795675337.500437 exit_group(0)   = ?",
            "26883 1795675337.500461 <... poll resumed> <unfinished ...>) = ?",
            "26882 1795675337.500506 futex(0x7f, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>",
        ]);
        Assert.That(calls.Select(call => (call.Name, call.End)), Is.EqualTo(new[] { ("poll", (long?)null), ("exit_group", null), ("futex", null) }).AsCollection);
        Assert.That(calls[0].Arguments, Is.EqualTo("[{fd=6<anon_inode:[signalfd]>, events=POLLIN}], 1, 15500"));
    }

    [Test]
    public void Signals_and_ends()
    {
        IReadOnlyList<TracedCall> calls = StraceLog.Parse(
        [
            "30748 1795675526.471782 --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=30736, si_uid=0} ---",
            "30748 1795675526.482491 +++ exited with 0 +++",
            "30749 1795675526.482492 +++ killed by SIGKILL +++",
        ]);
        Assert.That(calls.Select(call => (call.Kind, call.Name)), Is.EqualTo(new[]
        {
            (TracedKind.Signal, "SIGUSR1"), (TracedKind.Exit, "exited with 0"), (TracedKind.Exit, "killed by SIGKILL"),
        }).AsCollection);
        Assert.That(calls[0].Arguments, Does.Contain("si_pid=30736"));
    }

    [Test]
    public void Descriptors_of_a_set_and_of_IPv6()
    {
        Assert.That(Descriptors.In("12, [5<anon_inode:[eventfd]> 6<TCPv6:[[::1]:80->[::1]:4000]> 7<TCP:[4242]>], [], NULL"), Is.EqualTo(new[]
        {
            new Descriptor(5, "anon_inode", "eventfd"), new Descriptor(6, "TCPv6", "[::1]:80->[::1]:4000"), new Descriptor(7, "TCP", "4242"),
        }));
        Descriptor connection = new(6, "TCPv6", "[::1]:80->[::1]:4000");
        Assert.That((connection.IsConnected, connection.Local, connection.Remote), Is.EqualTo((true, "[::1]:80", "[::1]:4000")));
        Assert.That(new Descriptor(7, "TCP", "4242").IsListener, Is.False, "a socket without an address has its inode there");
    }

    [TestCase("strace: Process 12 attached")]
    [TestCase("12 1795675526.482491 ???")]
    public void A_line_of_another_kind_is_refused(string line) => Assert.That(() => StraceLog.Parse([line]), Throws.TypeOf<FormatException>().With.Message.Contains(line));

    private static TracedCall One(string line) => StraceLog.Parse([line]).Single();
}
