using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>Wrong usage: exit status 2 and one line that says what is wrong.</summary>
public sealed class WrongUsage
{
    private const string Serve = "serve --model poll --protocol echo --listen tcp://127.0.0.1:0 ";

    [TestCase("", "verb")]
    [TestCase("dance", "dance")]
    [TestCase("serve", "--model")]
    [TestCase("serve --model poll", "--listen")]
    [TestCase("serve --listen tcp://127.0.0.1:0", "--model")]
    [TestCase("serve --model dance --listen tcp://127.0.0.1:0", "poll, epoll, reactors")]
    [TestCase("serve --model poll --protocol dance --listen tcp://127.0.0.1:0", "echo, rpc")]
    [TestCase("serve --model poll --listen", "--listen")]
    [TestCase("serve --model poll --listen nowhere", "tcp://HOST:PORT")]
    [TestCase("serve --model poll --listen tcp://127.0.0.1", "tcp://HOST:PORT")]
    [TestCase("serve --model poll --listen tcp://127.0.0.1:", "port")]
    [TestCase("serve --model poll --listen tcp://127.0.0.1:65536", "65535")]
    [TestCase("serve --model poll --listen tcp://::1:80", "brackets")]
    [TestCase("serve --model poll --listen unix:", "path")]
    [TestCase("serve --model poll --listen http://127.0.0.1:80", "tcp://HOST:PORT")]
    [TestCase("serve --model fork --listen udp://127.0.0.1:0", "does not serve udp: endpoints; ")]
    [TestCase(Serve + "--workers many", "--workers")]
    [TestCase(Serve + "--workers 0", "--workers")]
    [TestCase(Serve + "--workers -1", "--workers")]
    [TestCase(Serve + "--workers 99999999999", "--workers")]
    [TestCase(Serve + "--reactors -1", "--reactors")]
    [TestCase(Serve + "--max-calls 0", "--max-calls")]
    [TestCase(Serve + "--max-children 0", "--max-children")]
    [TestCase(Serve + "--max-threads 0", "--max-threads")]
    [TestCase(Serve + "--backlog 0", "--backlog")]
    [TestCase(Serve + "--idle-timeout soon", "--idle-timeout")]
    [TestCase(Serve + "--idle-timeout -1s", "--idle-timeout")]
    [TestCase(Serve + "--idle-timeout 10d", "--idle-timeout")]
    [TestCase(Serve + "--drain 1e3", "--drain")]
    [TestCase(Serve + "--drain", "--drain")]
    [TestCase(Serve + "--max-record 10", "--max-record")]
    [TestCase(Serve + "--max-pending 1T", "--max-pending")]
    [TestCase(Serve + "--max-pending k", "--max-pending")]
    [TestCase(Serve + "--dance", "dance")]
    [TestCase(Serve + "dance", "dance")]
    [TestCase("call", "argument")]
    [TestCase("call tcp://127.0.0.1:1", "argument")]
    [TestCase("call tcp://127.0.0.1:1 dance", "whoami")]
    [TestCase("call nowhere null", "tcp://HOST:PORT")]
    [TestCase("call tcp://127.0.0.1:1 add", "NUMBER")]
    [TestCase("call tcp://127.0.0.1:1 add one", "number")]
    [TestCase("call tcp://127.0.0.1:1 add -1", "number")]
    [TestCase("call tcp://127.0.0.1:1 add 1 2", "NUMBER")]
    [TestCase("call tcp://127.0.0.1:1 sleep 10001", "10000")]
    [TestCase("call tcp://127.0.0.1:1 null 1", "null")]
    [TestCase("call rpc://127.0.0.1 null", "rpc://HOST/PROGRAM")]
    [TestCase("call rpc+x25://127.0.0.1/1 null", "netid")]
    [TestCase("call rpc://127.0.0.1/dance null", "/etc/rpc")]
    [TestCase("call rpc://127.0.0.1/nfs echo hello", "null")]
    [TestCase("call --rpcbind nowhere rpc://127.0.0.1/nfs null", "--rpcbind")]
    [TestCase("call rpc://127.0.0.1/nfs null --rpcbind", "--rpcbind")]
    [TestCase("serve --model poll --protocol echo --listen tcp://127.0.0.1:0 --register", "rpc")]
    [TestCase("serve --model poll --register --listen unixgram:@nobody", "unixgram:@nobody")]
    [TestCase("serve --model poll --register --listen tcp://127.0.0.1:0 --listen tcp://127.0.0.2:0", "one address for tcp")]
    [TestCase("serve --model poll --listen tcp://127.0.0.1:0 --rpcbind nowhere", "--rpcbind")]
    [TestCase("rpcbind --model fork", "poll")]
    [TestCase("rpcbind --listen nowhere", "tcp://HOST:PORT")]
    [TestCase("rpcbind --max-registrations 0", "--max-registrations")]
    [TestCase("rpcbind --amplification 0", "--amplification")]
    [TestCase("rpcbind dance", "dance")]
    [TestCase("rpcinfo 127.0.0.1 dance", "/etc/rpc")]
    [TestCase("rpcinfo 127.0.0.1 nfs one", "VERSION")]
    [TestCase("rpcinfo --rpcbind nowhere", "--rpcbind")]
    [TestCase("rpcinfo --rpcbind", "--rpcbind")]
    [TestCase("load --connect udp://127.0.0.1:1 --size 65464", "65460")]
    [TestCase("load --connect udp://127.0.0.1:1 --protocol echo --size 65508", "65507")]
    [TestCase("load --connect unixgram:@nobody --protocol echo --size 3", "from 4")]
    [TestCase("load --connect unixpacket:@nobody --protocol echo --size 0", "from 1")]
    [TestCase("compare --models iterative", "fork, ")]
    [TestCase("compare --models none", "--peer")]
    [TestCase("compare --scenarios dance", "pipeline, churn")]
    [TestCase("compare --connections 10,many", "commas")]
    [TestCase("compare --rounds 0", "--rounds")]
    [TestCase("compare --peer mine", "NAME=COMMAND")]
    [TestCase("compare --peer =server{port}", "NAME=COMMAND")]
    [TestCase("compare --peer mine=server", "{port}")]
    [TestCase("compare --peer poll=server{port}", "that name is taken")]
    [TestCase("compare --baseline /nowhere/report.json", "/nowhere/report.json")]
    [TestCase("compare --baseline /proc/self/status", "no report of a comparison")]
    [TestCase("models dance", "dance")]
    public void It_exits_with_2_and_one_line_that_says_what_is_wrong(string line, string said)
    {
        ProgramRun run = ProgramRun.Multiplex(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(run.Status, Is.EqualTo(2), () => string.Join('\n', run.Errors));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains(said));
    }
}
