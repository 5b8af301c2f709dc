using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;

namespace Multiplex.ServerTests.Harness;

/// <summary>The procedures of <c>multiplex.x</c> through the client that is tested.</summary>
internal static class Procedures
{
    private const uint Program = 0x2000_4543, Version = 1;
    private const int Longest = 1 << 20;

    public static readonly RpcProcedure NullProcedure = new(Program, Version, 0);
    public static readonly RpcProcedure EchoProcedure = new(Program, Version, 1);
    public static readonly RpcProcedure SleepProcedure = new(Program, Version, 2);
    public static readonly RpcProcedure AddProcedure = new(Program, Version, 4, IsIdempotent: false);

    public static void WriteOpaque(XdrWriter writer, byte[] value) => writer.WriteOpaque(value);

    public static void WriteHyper(XdrWriter writer, ulong value) => writer.WriteUInt64(value);

    public static void WriteUInt(XdrWriter writer, uint value) => writer.WriteUInt32(value);

    public static byte[] ReadOpaque(ref XdrReader reader) => reader.ReadOpaque(Longest).ToArray();

    public static ulong ReadHyper(ref XdrReader reader) => reader.ReadUInt64();

    public static uint ReadUInt(ref XdrReader reader) => reader.ReadUInt32();

    public static byte[] Echo(this RpcClient client, byte[] payload) => client.Call(EchoProcedure, payload, WriteOpaque, ReadOpaque);

    public static Task<byte[]> EchoAsync(this RpcClient client, byte[] payload) =>
        client.CallAsync(EchoProcedure, payload, WriteOpaque, ReadOpaque).AsTask();

    public static uint Sleep(this RpcClient client, uint milliseconds, RpcCallOptions? options = null) =>
        client.Call(SleepProcedure, milliseconds, WriteUInt, ReadUInt, options);

    public static Task<uint> SleepAsync(this RpcClient client, uint milliseconds, CancellationToken cancellation) =>
        client.CallAsync(SleepProcedure, milliseconds, WriteUInt, ReadUInt, cancellation: cancellation).AsTask();

    public static ulong Add(this RpcClient client, ulong amount) => client.Call(AddProcedure, amount, WriteHyper, ReadHyper);

    public static Task<ulong> AddAsync(this RpcClient client, ulong amount) =>
        client.CallAsync(AddProcedure, amount, WriteHyper, ReadHyper).AsTask();
}
