using System.Globalization;
using Multiplex.Everything;

namespace Multiplex.TestServers;

/// <summary>
/// The programs of <c>everything.x</c> on the stubs that are generated from it: most procedures return their argument, so that every type of
/// the language is read and written by the server.
/// </summary>
internal sealed class EverythingProgram : EverythingV1Server
{
    /// <summary>All programs of the file, two versions of one among them.</summary>
    public static RpcProtocol Protocol() => new(new EverythingProgram(), new SecondVersion(), new SecondProgram());

    protected override void Null(in RpcCall call)
    {
    }

    protected override All All(in RpcCall call, All value) => value;

    protected override NumbersView Numbers(in RpcCall call, NumbersView value) => value;

    protected override Data Data(in RpcCall call, Data value) => value;

    protected override Choice Choice(in RpcCall call, Choice value) => value;

    protected override Member? Members(in RpcCall call, Member? value) => value;

    protected override string String(in RpcCall call, string value) => value;

    protected override ReadOnlySpan<byte> Blob(in RpcCall call, ReadOnlySpan<byte> value) => value;

    protected override Colour[] Palette(in RpcCall call, Colour[] value) => value;

    protected override bool Bool(in RpcCall call, bool value) => value;

    protected override double Double(in RpcCall call, double value) => value;

    protected override Spread Enum(in RpcCall call, Spread value) => value;

    protected override Arrays Arrays(in RpcCall call, Arrays value) => value;

    protected override ByNumber ByNumber(in RpcCall call, ByNumber value) => value;

    protected override ByFlag ByFlag(in RpcCall call, ByFlag value) => value;

    protected override ByUnsigned ByUnsigned(in RpcCall call, ByUnsigned value) => value;

    protected override Node Node(in RpcCall call, Node value) => value;

    protected override Tree Tree(in RpcCall call, Tree value) => value;

    protected override Twig Twig(in RpcCall call, Twig value) => value;

    protected override ReadOnlySpan<byte> Digest(in RpcCall call, ReadOnlySpan<byte> value) => value;

    protected override string Label(in RpcCall call, string value) => value;

    protected override string Text(in RpcCall call, string value) => value;

    protected override string[] Labels(in RpcCall call, string[] value) => value;

    protected override int[] Row(in RpcCall call, int[] value) => value;

    protected override int[][] Table(in RpcCall call, int[][] value) => value;

    protected override uint NumberValue(in RpcCall call, uint value) => value;

    protected override Colour Colour(in RpcCall call, Colour value) => value;

    protected override sbyte Char(in RpcCall call, sbyte value) => value;

    protected override short Short(in RpcCall call, short value) => value;

    protected override ushort Ushort(in RpcCall call, ushort value) => value;

    protected override int Int(in RpcCall call, int value) => value;

    protected override uint Uint(in RpcCall call, uint value) => value;

    protected override uint Bare(in RpcCall call, uint value) => value;

    protected override int Long(in RpcCall call, int value) => value;

    protected override uint Ulong(in RpcCall call, uint value) => value;

    protected override ulong Uhyper(in RpcCall call, ulong value) => value;

    protected override float Float(in RpcCall call, float value) => value;

    protected override uint Length(in RpcCall call, Member? list)
    {
        uint length = 0;
        for (; list is not null; list = list.Others)
            length++;
        return length;
    }

    protected override int[] Sums(in RpcCall call, int[][] table) => [.. Enumerable.Range(0, table[0].Length).Select(column => table.Sum(row => row[column]))];

    protected override Choice Choose(in RpcCall call, Colour which) => new() { Which = which, Number = 42, Content = new() };

    protected override void Take(in RpcCall call, All value)
    {
    }

    protected override NumbersView Limits(in RpcCall call) => new()
    {
        C = sbyte.MinValue,
        Uc = byte.MaxValue,
        S = short.MinValue,
        Us = ushort.MaxValue,
        I = int.MinValue,
        Ui = uint.MaxValue,
        Bare = uint.MaxValue,
        L = int.MinValue,
        Ul = uint.MaxValue,
        H = long.MinValue,
        Uh = ulong.MaxValue,
        F = float.MinValue,
        D = double.MinValue,
        Yes = true,
        N = uint.MaxValue,
        U = uint.MaxValue,
    };

    private sealed class SecondVersion : EverythingV2Server
    {
        protected override long Hyper(in RpcCall call, long value) => value;

        protected override string Spelt(in RpcCall call, NumbersView numbers) => numbers.Ui.ToString(CultureInfo.InvariantCulture);
    }

    private sealed class SecondProgram : SecondV7Server
    {
        protected override byte Char(in RpcCall call, byte value) => value;
    }
}
