using Multiplex.Everything;
using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Peers;

/// <summary>The clients that are generated from <c>everything.x</c>, with one method for all procedures: arguments as bytes, results as bytes.</summary>
internal sealed class EverythingClient
{
    private readonly Dictionary<(uint Program, uint Version, uint Number), Func<byte[], byte[]>> _calls = [];

    public EverythingClient(RpcClient client)
    {
        EverythingV1Client one = new(client);
        Codec<Numbers> numbers = new(Numbers.Read, (writer, value) => value.Write(writer));
        Codec<Choice> choice = new(Choice.Read, (writer, value) => value.Write(writer));
        Codec<All> all = new(Everything.All.Read, (writer, value) => value.Write(writer));
        Codec<Colour> colour = new((ref XdrReader reader) => (Colour)reader.ReadInt32(), (writer, value) => writer.WriteInt32((int)value));
        Codec<Spread> spread = new((ref XdrReader reader) => (Spread)reader.ReadInt32(), (writer, value) => writer.WriteInt32((int)value));
        Codec<Member?> members = new((ref XdrReader reader) => reader.ReadBool() ? Member.Read(ref reader) : null, (writer, value) => writer.WriteOptional(value, (writer, value) => value.Write(writer)));
        Codec<int> number = new((ref XdrReader reader) => reader.ReadInt32(), (writer, value) => writer.WriteInt32(value));
        Codec<uint> unsigned = new((ref XdrReader reader) => reader.ReadUInt32(), (writer, value) => writer.WriteUInt32(value));
        Codec<string> text = new((ref XdrReader reader) => reader.ReadString(int.MaxValue), (writer, value) => writer.WriteString(value, int.MaxValue));
        Codec<byte[]> opaque = new((ref XdrReader reader) => reader.ReadOpaque(int.MaxValue).ToArray(), (writer, value) => writer.WriteOpaque(value));
        Codec<byte[]> digest = new((ref XdrReader reader) => reader.ReadFixedOpaque(5).ToArray(), (writer, value) => writer.WriteFixedOpaque(value));
        Codec<int[]> row = number.Fixed(3);
        Codec<int[][]> table = row.Fixed(2);
        Codec<byte> nothing = new((ref XdrReader _) => 0, (_, _) => { });

        Add(EverythingV1.Null, nothing, nothing, value => Done(() => one.Null()));
        Add(EverythingV1.All, all, value => one.All(value));
        Add(EverythingV1.Numbers, numbers, value => one.Numbers(value));
        Add(EverythingV1.Data, new Codec<Data>(Data.Read, (writer, value) => value.Write(writer)), value => one.Data(value));
        Add(EverythingV1.Choice, choice, value => one.Choice(value));
        Add(EverythingV1.Members, members, value => one.Members(value));
        Add(EverythingV1.String, text, value => one.String(value));
        Add(EverythingV1.Blob, opaque, value => one.Blob(value));
        Add(EverythingV1.Palette, colour.Variable(), value => one.Palette(value));
        Add(EverythingV1.Bool, new Codec<bool>((ref XdrReader reader) => reader.ReadBool(), (writer, value) => writer.WriteBool(value)), value => one.Bool(value));
        Add(EverythingV1.Double, new Codec<double>((ref XdrReader reader) => reader.ReadDouble(), (writer, value) => writer.WriteDouble(value)), value => one.Double(value));
        Add(EverythingV1.Enum, spread, value => one.Enum(value));
        Add(EverythingV1.Arrays, new Codec<Arrays>(Arrays.Read, (writer, value) => value.Write(writer)), value => one.Arrays(value));
        Add(EverythingV1.ByNumber, new Codec<ByNumber>(ByNumber.Read, (writer, value) => value.Write(writer)), value => one.ByNumber(value));
        Add(EverythingV1.ByFlag, new Codec<ByFlag>(ByFlag.Read, (writer, value) => value.Write(writer)), value => one.ByFlag(value));
        Add(EverythingV1.ByUnsigned, new Codec<ByUnsigned>(ByUnsigned.Read, (writer, value) => value.Write(writer)), value => one.ByUnsigned(value));
        Add(EverythingV1.Node, new Codec<Node>(Node.Read, (writer, value) => value.Write(writer)), value => one.Node(value));
        Add(EverythingV1.Tree, new Codec<Tree>(Tree.Read, (writer, value) => value.Write(writer)), value => one.Tree(value));
        Add(EverythingV1.Twig, new Codec<Twig>(Twig.Read, (writer, value) => value.Write(writer)), value => one.Twig(value));
        Add(EverythingV1.Digest, digest, value => one.Digest(value));
        Add(EverythingV1.Label, text, value => one.Label(value));
        Add(EverythingV1.Text, text, value => one.Text(value));
        Add(EverythingV1.Labels, text.Variable(), value => one.Labels(value));
        Add(EverythingV1.Row, row, value => one.Row(value));
        Add(EverythingV1.Table, table, value => one.Table(value));
        Add(EverythingV1.NumberValue, unsigned, value => one.NumberValue(value));
        Add(EverythingV1.Colour, colour, value => one.Colour(value));
        Add(EverythingV1.Char, number, value => one.Char((sbyte)value));
        Add(EverythingV1.Short, number, value => one.Short((short)value));
        Add(EverythingV1.Ushort, unsigned, value => one.Ushort((ushort)value));
        Add(EverythingV1.Int, number, value => one.Int(value));
        Add(EverythingV1.Uint, unsigned, value => one.Uint(value));
        Add(EverythingV1.Bare, unsigned, value => one.Bare(value));
        Add(EverythingV1.Long, number, value => one.Long(value));
        Add(EverythingV1.Ulong, unsigned, value => one.Ulong(value));
        Add(EverythingV1.Uhyper, new Codec<ulong>((ref XdrReader reader) => reader.ReadUInt64(), (writer, value) => writer.WriteUInt64(value)), value => one.Uhyper(value));
        Add(EverythingV1.Float, new Codec<float>((ref XdrReader reader) => reader.ReadSingle(), (writer, value) => writer.WriteSingle(value)), value => one.Float(value));
        Add(EverythingV1.Length, members, unsigned, value => one.Length(value));
        Add(EverythingV1.Sums, table, row, value => one.Sums(value));
        Add(EverythingV1.Choose, colour, choice, value => one.Choose(value));
        Add(EverythingV1.Take, all, nothing, value => Done(() => one.Take(value)));
        Add(EverythingV1.Limits, nothing, numbers, _ => one.Limits());

        EverythingV2Client two = new(client);
        Add(EverythingV2.Hyper, new Codec<long>((ref XdrReader reader) => reader.ReadInt64(), (writer, value) => writer.WriteInt64(value)), value => two.Hyper(value));
        Add(EverythingV2.Spelt, numbers, text, value => two.Spelt(value));

        SecondV7Client seven = new(client);
        Add(SecondV7.Char, unsigned, value => seven.Char((byte)value));
    }

    /// <summary>Makes every call that fits, and checks every result.</summary>
    public static void CallAll(ServerAddress address)
    {
        using RpcClient connection = new(Endpoint.Parse(address.Text), new() { Timeout = Eventually.Deadline });
        EverythingClient client = new(connection);
        HashSet<string> called = [];
        foreach (EverythingCall call in EverythingCall.Over(address.Kind))
        {
            Assert.That(client._calls[call.Procedure](call.Arguments), Is.EqualTo(call.Results), $"{call.Stub} over {address}");
            called.Add(call.Stub);
        }

        Assert.That(called, Has.Count.EqualTo(client._calls.Count), "every procedure was called");
    }

    private void Add<T>(RpcProcedure procedure, Codec<T> both, Func<T, T> call) => Add(procedure, both, both, call);

    private void Add<TArguments, T>(RpcProcedure procedure, Codec<TArguments> arguments, Codec<T> results, Func<TArguments, T> call) =>
        _calls.Add((procedure.Program, procedure.Version, procedure.Number), bytes => results.Encoded(call(arguments.Decoded(bytes))));

    private static byte Done(Action call)
    {
        call();
        return 0;
    }

    // How values of a type are read and written.
    private sealed record Codec<T>(XdrUnmarshal<T> Read, XdrMarshal<T> Write)
    {
        public Codec<T[]> Fixed(int count) =>
            new((ref XdrReader reader) => reader.ReadFixedArray(count, sizeof(uint), Read), (writer, values) => writer.WriteFixedArray(values, count, Write));

        public Codec<T[]> Variable() =>
            new((ref XdrReader reader) => reader.ReadArray(int.MaxValue, sizeof(uint), Read), (writer, values) => writer.WriteArray(values, int.MaxValue, Write));

        public T Decoded(byte[] bytes)
        {
            XdrReader reader = new(bytes);
            T value = Read(ref reader);
            return reader.IsComplete ? value : throw new ArgumentException("bytes of no such value", nameof(bytes));
        }

        public byte[] Encoded(T value)
        {
            OutputBuffer output = new();
            Write(new(output), value);
            return output.Written.ToArray();
        }
    }
}
