using System.Buffers.Binary;
using System.Text;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Sockets;
using static Multiplex.ServerTests.Harness.RpcWire;

namespace Multiplex.ServerTests.Harness.Peers;

/// <summary>
/// A call of a procedure of <c>everything.x</c>: what is sent, and what must come back. Both are bytes that no codec wrote, neither rpcgen's nor ours.
/// </summary>
/// <param name="Stub">What rpcgen calls the procedure.</param>
/// <param name="Procedure">The numbers of program, version and procedure.</param>
/// <param name="Arguments">The arguments.</param>
/// <param name="Results">The results.</param>
internal sealed record EverythingCall(string Stub, (uint Program, uint Version, uint Number) Procedure, byte[] Arguments, byte[] Results)
{
    private const int ValuesOfEach = 20, LargestDatagram = 8_000, Far = -100;

    // What random values do not cover: more than fits in a datagram, in a fragment, or on the stack by recursion.
    private const int Long = 10_000, Large = 300_001;

    /// <summary>Calls of every procedure.</summary>
    public static IReadOnlyList<EverythingCall> All { get; } = [.. Make()];

    /// <summary>The calls that fit an endpoint of this kind: libtirpc sends no datagrams above 8,800 bytes.</summary>
    public static IEnumerable<EverythingCall> Over(EndpointKind kind) =>
        All.Where(call => kind.IsStream() || Math.Max(call.Arguments.Length, call.Results.Length) <= LargestDatagram);

    private static IEnumerable<EverythingCall> Make()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Peers/everything.x");
        Specification file = new XFile(path, File.ReadAllText(path), "").Load(_ => null, [])!;
        Random random = new(20261124);
        return
            from program in file.Programs
            from version in program.Versions
            from procedure in version.Procedures
            let stub = $"{procedure.Name.ToLowerInvariant()}_{version.Number.Value}"
            from values in Values(procedure, random)
            select new EverythingCall(
                stub, ((uint)program.Number.Value!, (uint)version.Number.Value!, (uint)procedure.Number.Value!), values.Arguments, values.Results);
    }

    private static IEnumerable<(byte[] Arguments, byte[] Results)> Values(ProcedureDefinition procedure, Random random)
    {
        IEnumerable<byte[]> sent = procedure.Arguments.Count == 0 ? [[]] : Enumerable.Range(0, ValuesOfEach).Select(_ => RandomXdr.Value(procedure.Arguments[0].Type, random));
        return procedure.Name switch
        {
            "EVERYTHING_TAKE" => sent.Select(value => (value, Array.Empty<byte>())),
            "EVERYTHING_LIMITS" => [([], Limits())],
            "EVERYTHING_LENGTH" => ((int[])[0, 1, Long]).Select(length => (List(length), UInt((uint)length))),
            "EVERYTHING_SUMS" => [(Ints(1, 2, -3, 10, -20, 30), Ints(11, -18, 27))],
            "EVERYTHING_CHOOSE" => [(Ints(0), Ints(0)), (Ints(5), Ints(5, 42)), (Ints(6), [.. Ints(6), .. Data([])])],
            "EVERYTHING_SPELT" => sent.Select(value => (value, Opaque(Encoding.ASCII.GetBytes($"{BinaryPrimitives.ReadUInt32BigEndian(value.AsSpan(20))}")))),
            "EVERYTHING_DATA" => sent.Append(Data([.. Enumerable.Range(0, Large).Select(i => (byte)(i * 31))])).Select(value => (value, value)),
            "EVERYTHING_MEMBERS" => sent.Append(List(Long)).Select(value => (value, value)),
            _ => sent.Select(value => (value, value)),
        };
    }

    private static byte[] Ints(params int[] values) => [.. values.SelectMany(value => UInt((uint)value))];

    // members, each of them named "ab"
    private static byte[] List(int length)
    {
        byte[] member = [.. Ints(1), .. Opaque("ab"u8.ToArray()), .. Ints(Far)];
        return [.. Enumerable.Repeat(member, length).SelectMany(bytes => bytes), .. Ints(0)];
    }

    // data with nothing in it but the member any
    private static byte[] Data(byte[] any) => [.. new byte[8 + 8 + 4], .. Opaque(any), .. new byte[(4 * 2) + 8 + (4 * 4)]];

    // char, unsigned char, short, unsigned short, int, unsigned int, unsigned, long, unsigned long, hyper, unsigned hyper, float, double, bool, number, u_int
    private static byte[] Limits()
    {
        byte[] all = UInt(uint.MaxValue);
        return
        [
            .. Ints(sbyte.MinValue, byte.MaxValue, short.MinValue, ushort.MaxValue, int.MinValue), .. all, .. all, .. Ints(int.MinValue), .. all,
            .. Hyper(1UL << 63), .. Hyper(ulong.MaxValue), .. UInt(0xff7f_ffff), .. Hyper(0xffef_ffff_ffff_ffff), .. Ints(1), .. all, .. all,
        ];
    }
}
