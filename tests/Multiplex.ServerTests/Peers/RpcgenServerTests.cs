using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Peers;
using Multiplex.Sockets;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Peers;

/// <summary>Our client against a C server of libtirpc, with the skeleton that rpcgen makes from <c>multiplex.x</c>.</summary>
public sealed class RpcgenServerTests
{
    private static readonly EndpointKind[] s_kinds = [EndpointKind.Tcp, EndpointKind.Udp, EndpointKind.Unix];
    private static readonly RpcClientOptions s_patient = new() { Timeout = Eventually.Deadline, Authentication = RpcAuthentication.Sys() };

    private ServerProcess? _server;

    [OneTimeSetUp]
    public void Start()
    {
        RpcgenProgram.RequireTools();
        string path = Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.sock");
        _server = ServerProcess.StartProgram(RpcgenProgram.Multiplex.Server, ["tcp", "udp", $"unix:{path}"], endpoints: s_kinds.Length);
    }

    [OneTimeTearDown]
    public void Stop() => _server?.Dispose();

    private RpcClient Connect(EndpointKind kind) =>
        new(Endpoint.Parse(_server!.Addresses.Single(address => address.Kind == kind).Text), s_patient);

    [Test]
    public void It_answers_every_procedure([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        using RpcClient client = Connect(kind);
        Assert.That(client.Call(Procedures.NullProcedure, 0, (_, _) => { }, (ref XdrReader _) => true), Is.True);
        foreach (int length in (int[])[0, 1, 5, 8_000, kind == EndpointKind.Udp ? 8_600 : 1 << 20])
        {
            byte[] payload = RandomBytes(length);
            Assert.That(client.Echo(payload).AsSpan().SequenceEqual(payload), Is.True, $"an echo of {length} bytes");
        }

        Assert.That(client.Sleep(3), Is.EqualTo(3));
        Assert.That(client.Call(new(0x2000_4543, 1, 3), 1000u, Procedures.WriteUInt, Procedures.ReadHyper), Is.EqualTo(1000));
        ulong sum = client.Add(0x1_0000_0005);
        Assert.That(client.Add(2), Is.EqualTo(sum + 2));
        (uint process, string peer) = client.Call(new(0x2000_4543, 1, 5), 0, (_, _) => { }, (ref XdrReader reader) =>
        {
            uint process = reader.ReadUInt32();
            reader.ReadUInt32();
            reader.ReadUInt64();
            return (process, System.Text.Encoding.UTF8.GetString(reader.ReadOpaque(128)));
        });
        Assert.That((process, peer), Is.EqualTo(((uint)_server!.Id, "a client of libtirpc")));
    }

    [Test]
    public void Many_calls_in_flight_each_get_their_own_results([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        using RpcClient client = Connect(kind);
        byte[][] payloads = [.. Enumerable.Range(0, 500).Select(i => BitConverter.GetBytes(i))];
        Assert.That(Task.WhenAll(payloads.Select(client.EchoAsync)).GetAwaiter().GetResult(), Is.EqualTo(payloads));
    }

    [Test]
    public void Its_refusals_are_reported([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        using RpcClient client = Connect(kind);
        void Call(RpcProcedure procedure, uint argument = 0) => client.Call(procedure, argument, Procedures.WriteUInt, (ref XdrReader _) => true);
        Assert.That(() => Call(Procedures.EchoProcedure with { Program = 7 }), Throws.TypeOf<RpcProgramUnavailableException>());
        Assert.That(
            () => Call(Procedures.EchoProcedure with { Version = 9 }),
            Throws.TypeOf<RpcProgramMismatchException>().With.Property("Low").EqualTo(1).And.Property("High").EqualTo(1));
        Assert.That(() => Call(Procedures.EchoProcedure with { Number = 99 }), Throws.TypeOf<RpcProcedureUnavailableException>());
        Assert.That(() => Call(Procedures.EchoProcedure, uint.MaxValue), Throws.TypeOf<RpcGarbageArgumentsException>());
    }
}
