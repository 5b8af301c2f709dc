using System.Buffers;
using System.Buffers.Binary;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.TestSupport;

/// <summary>
/// Random values of a type, as bytes in XDR's canonical form: generated from the declaration alone, following RFC 4506, without the
/// code that is tested.
/// </summary>
internal sealed class RandomXdr(Random random)
{
    private const int MostElements = 5, Deepest = 6;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    public static byte[] Value(XdrType type, Random random)
    {
        RandomXdr value = new(random);
        value.Write(type, 0);
        return value._bytes.WrittenSpan.ToArray();
    }

    private void Write(XdrType type, int depth)
    {
        switch (type.Structure)
        {
            case PrimitiveType primitive:
                Write(primitive.Kind);
                break;
            case OpaqueType opaque:
                int length = opaque.IsFixed ? opaque.Length!.Bound : Count(opaque.Length, 40, depth);
                if (!opaque.IsFixed)
                    Word((uint)length);
                byte[] data = new byte[(length + 3) & ~3];
                random.NextBytes(data.AsSpan(0, length));
                _bytes.Write(data);
                break;
            case StringType text:
                int count = Count(text.Length, 40, depth);
                Word((uint)count);
                for (int i = 0; i < ((count + 3) & ~3); i++)
                    _bytes.Write([(byte)(i < count ? random.Next(1, 128) : 0)]);
                break;
            case ArrayType array:
                int elements = array.IsFixed ? array.Length!.Bound : Count(array.Length, MostElements, depth);
                if (!array.IsFixed)
                    Word((uint)elements);
                for (int i = 0; i < elements; i++)
                    Write(array.Element, depth + 1);
                break;
            case OptionalType optional:
                bool isThere = depth < Deepest && random.Next(4) > 0;
                Word(isThere ? 1u : 0);
                if (isThere)
                    Write(optional.Element, depth + 1);
                break;
            case EnumType one:
                Word((uint)(int)one.Members[random.Next(one.Members.Count)].Value);
                break;
            case StructType { Name: "netbuf" }:   // libtirpc bounds the second member by the first
                Word(8);
                Word(5);
                _bytes.Write("12345\0\0\0"u8);
                break;
            case StructType one:
                foreach (Declaration member in one.Members)
                    Write(member.Type, depth + 1);
                break;
            case UnionType union:
                Write(union, depth);
                break;
        }
    }

    private void Write(UnionType union, int depth)
    {
        UnionArm arm = union.Arms[random.Next(union.Arms.Count)];
        long[] named = [.. union.Arms.SelectMany(one => one.Cases).Select(one => (long)one.Value!.Value)];
        long discriminant = arm.Cases.Count > 0 ? (long)arm.Cases[random.Next(arm.Cases.Count)].Value!.Value : Other(union, named);
        if (arm.Cases.Count == 0 && named.Contains(discriminant))
            arm = union.Arms.First(one => one.Cases.Any(value => value.Value == discriminant));   // nothing is left for the default
        Word((uint)discriminant);
        if (arm.Declaration is not null)
            Write(arm.Declaration.Type, depth + 1);
    }

    private long Other(UnionType union, long[] named) => union.Discriminant.Type.Structure switch
    {
        EnumType one => one.Members.Select(member => (long)member.Value).Where(value => !named.Contains(value)).DefaultIfEmpty(named[0]).First(),
        PrimitiveType { Kind: PrimitiveKind.Bool } => named.Contains(0) ? 1 : 0,
        _ => Enumerable.Range(random.Next(1000), 1000).First(value => !named.Contains(value)),
    };

    private int Count(Constant? bound, int most, int depth) =>
        depth > Deepest ? 0 : random.Next(Math.Min(bound?.Bound ?? most, most) + 1);

    private void Write(PrimitiveKind kind)
    {
        switch (kind)
        {
            case PrimitiveKind.Hyper or PrimitiveKind.UHyper or PrimitiveKind.Double:
                Word(Bits());
                Word(Bits());
                break;
            case PrimitiveKind.Bool:
                Word(Bits() & 1);
                break;
            case PrimitiveKind.Char:
                Word((uint)(sbyte)Bits());
                break;
            case PrimitiveKind.UChar:
                Word((byte)Bits());
                break;
            case PrimitiveKind.Short:
                Word((uint)(short)Bits());
                break;
            case PrimitiveKind.UShort:
                Word((ushort)Bits());
                break;
            default:
                Word(Bits());
                break;
        }
    }

    private uint Bits() => (uint)random.NextInt64();

    private void Word(uint word)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, word);
        _bytes.Write(bytes);
    }
}
