using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Relays;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>A verb that calls a server which does not reply ends after its time-out, and says so.</summary>
public sealed class SilentServerTests
{
    private static readonly Endpoint s_any = Endpoint.Parse("tcp://127.0.0.1:0");

    [TestCase("tcp://127.0.0.1:0")]
    [TestCase("unix:@")]
    [TestCase("unixpacket:@")]
    [TestCase("udp://127.0.0.1:0")]
    [TestCase("unixgram:@")]
    public void A_call_without_a_reply_ends_in_time(string form)
    {
        Endpoint endpoint = Endpoint.Parse(form.EndsWith('@') ? $"{form}multiplex-silent-{Guid.NewGuid():N}" : form);
        using BoundSocket silent = endpoint.Kind.IsDatagram() ? DatagramSocket.Open(endpoint) : Listener.Open(endpoint, backlog: 16);
        ProgramRun run = ProgramRun.Multiplex("call", "--timeout", "200ms", silent.Local.ToString(), "null");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.StartWith($"multiplex: call {silent.Local}: no reply in 0.2 s: "));
    }

    [Test]
    public void A_connection_that_is_not_made_ends_in_time_too()
    {
        using SwallowingServer swallows = new(s_any);
        ProgramRun call = ProgramRun.Multiplex("call", "--timeout", "200ms", swallows.Endpoint.ToString(), "null");
        ProgramRun list = ProgramRun.Multiplex("rpcinfo", "--timeout", "200ms", "--rpcbind", swallows.Endpoint.ToString());
        ProgramRun find = ProgramRun.Multiplex("call", "--timeout", "200ms", "--rpcbind", swallows.Endpoint.ToString(), "rpc://127.0.0.1/7/1", "null");
        foreach (ProgramRun run in (ProgramRun[])[call, list, find])
        {
            Assert.That(run.Status, Is.EqualTo(1));
            Assert.That(run.Errors.Single(), Does.Contain("ETIMEDOUT"));
        }

        Assert.That(call.Errors.Single(), Does.Match(@" \(after [0-9.]+ s\)$"));
        Assert.That(find.Errors.Single(), Does.Match(@" \(after [0-9.]+ s\)$"));
    }

    [Test]
    public void How_long_a_refused_call_took_is_said()
    {
        Assert.That(ProgramRun.Multiplex("call", "tcp://127.0.0.1:1", "null").Errors.Single(), Does.Match(@"ECONNREFUSED.* \(after [0-9.]+ s\)$"));
        Assert.That(ProgramRun.Multiplex("call", "--timeout", "0s", "tcp://127.0.0.1:1", "null").Status, Is.EqualTo(2));
    }
}
