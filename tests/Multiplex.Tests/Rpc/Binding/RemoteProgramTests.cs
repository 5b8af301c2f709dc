using Multiplex.Rpc.Binding;

namespace Multiplex.Tests.Rpc.Binding;

/// <summary>Programs on hosts, by name.</summary>
public class RemoteProgramTests
{
    [OneTimeSetUp]
    public void Name_the_program() => ProgramNames.Add(MultiplexProgram.Name, MultiplexV1.Program);

    [TestCase("rpc://host/0x20004543/1", "host", 0x20004543u, 1u, "tcp tcp6")]
    [TestCase("rpc://host/536888643", "host", 0x20004543u, null, "tcp tcp6")]
    [TestCase("rpc+tcp://127.0.0.1/multiplex/7", "127.0.0.1", 0x20004543u, 7u, "tcp tcp6")]
    [TestCase("rpc+udp://[::1]/100003/3", "::1", 100003u, 3u, "udp udp6")]
    [TestCase("rpc+tcp6://host/1/0", "host", 1u, 0u, "tcp6")]
    [TestCase("rpc+local:///multiplex", "", 0x20004543u, null, "local")]
    public void A_program_on_a_host_is_read(string text, string host, uint program, uint? version, string netids)
    {
        RemoteProgram read = RemoteProgram.Parse(text);
        Assert.That((read.Host, read.Program, read.Version), Is.EqualTo((host, program, version)));
        Assert.That(string.Join(' ', read.Netids), Is.EqualTo(netids));
        RemoteProgram again = RemoteProgram.Parse(read.ToString());
        Assert.That(again with { Netids = read.Netids }, Is.EqualTo(read));
        Assert.That(again.Netids, Is.EqualTo(read.Netids));
    }

    [TestCase("rpc://host", "write rpc://HOST/PROGRAM[/VERSION]")]
    [TestCase("rpc://host/1/2/3", "write rpc://HOST/PROGRAM[/VERSION]")]
    [TestCase("rpc:host/1", "write rpc://HOST/PROGRAM[/VERSION]")]
    [TestCase("rpc+x25://host/1", "netid tcp, udp, tcp6, udp6, local")]
    [TestCase("rpc:///1", "the host is missing")]
    [TestCase("rpc://host:111/1", "no port")]
    [TestCase("rpc://::1/1", "brackets")]
    [TestCase("rpc+local://host/1", "this machine")]
    [TestCase("rpc://host/no-such-program", "/etc/rpc")]
    [TestCase("rpc://host/-1", "is no program")]
    [TestCase("rpc://host/1/one", "is no version")]
    public void What_is_wrong_is_reported_with_what_would_be_right(string text, string problem) => Assert.That(
        () => RemoteProgram.Parse(text),
        Throws.TypeOf<FormatException>().With.Message.StartWith($"'{text}' is no program on a host: ").And.Message.Contains(problem));

    [Test]
    public void Programs_have_the_names_of_rpc_5()
    {
        Assert.That(ProgramNames.Of(0x20004543), Is.EqualTo("multiplex"));
        Assert.That(ProgramNames.Of(0x20004544), Is.Null);
        if (!File.Exists("/etc/rpc"))
            Assert.Ignore("this machine has no /etc/rpc");
        Assert.That(ProgramNames.Of(100003), Is.EqualTo("nfs"));
        Assert.That(ProgramNames.TryParse("nfsprog", out uint program) ? program : 0, Is.EqualTo(100003u), "an alias");
    }
}
