using System.Net;
using System.Net.Sockets;
using Multiplex.Rpc.Binding;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary>A name service that makes indirect calls goes on answering lookups while the programs that it calls do not reply.</summary>
public sealed class SilentTargetTests
{
    private const uint Program = 0x2000_9997;
    private const uint Indirect = 10, CallIt = 5;
    private const int Calls = 64, AtATime = 4;

    [TestCase("tcp", Indirect)]
    [TestCase("udp", Indirect)]
    [TestCase("udp", CallIt)]
    public void Calls_for_others_past_their_limit_are_refused_and_lookups_are_answered(string over, uint procedure)
    {
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)silent.LocalEndPoint!).Port;
        using ServerProcess service = ServerProcess.StartProgram(
            ServerProcess.Command,
            ["rpcbind", "--indirect", "--max-indirect", $"{AtATime}", "--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0"],
            endpoints: 2);
        using NameServiceClient names = new(Endpoint.Parse(service.Address.Text));
        Registration registration = new(Program, 1, Netid.Udp.Name, $"127.0.0.1.{port / 256}.{port % 256}", "");
        Assert.That(names.Set(registration), Is.True);

        using TestClient caller = new(service.Addresses[over == "tcp" ? 0 : 1]);
        for (uint i = 0; i < Calls; i++)
        {
            byte[] call = CallForOthers(i, procedure);
            caller.Send(over == "tcp" ? RpcWire.Record(call) : call);
        }

        silent.ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds;
        for (int i = 0; i < AtATime; i++)
            Assert.That(silent.Receive(new byte[1000]), Is.Positive, "the calls are made");
        using (NameServiceClient other = new(Endpoint.Parse(service.Addresses[1].Text)))
            Assert.That(other.Find(Program, 1, Netid.Udp, "127.0.0.1"), Is.Not.Null);
        Assert.That(names.Find(Program, 1, Netid.Udp, "127.0.0.1"), Is.Not.Null);
        Assert.That(service.Stop(), Is.Zero);
        Assert.That(service.FinalCount(Counter.IndirectCallsRefused), Is.Positive.And.AtMost(Calls - AtATime));
    }

    private static byte[] CallForOthers(uint xid, uint procedure) =>
    [
        .. RpcWire.UInt(xid), .. RpcWire.UInt(0), .. RpcWire.UInt(2), .. RpcWire.UInt(NameService.Program), .. RpcWire.UInt(4), .. RpcWire.UInt(procedure),
        .. new byte[16], .. RpcWire.UInt(Program), .. RpcWire.UInt(1), .. RpcWire.UInt(0), .. RpcWire.Opaque([]),
    ];
}
