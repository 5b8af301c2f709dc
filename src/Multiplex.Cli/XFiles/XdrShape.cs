using System.Buffers.Binary;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Cli.XFiles;

/// <summary>Whether bytes are a value of an XDR type: RFC 4506.</summary>
internal static class XdrShape
{
    private const int Deepest = 256;   // the limit on nested values; a linked list may be longer

    /// <summary>Why these bytes are not exactly one value, as the end of a sentence that begins with "the results"; null when they are.</summary>
    public static string? Problem(XdrType type, ReadOnlySpan<byte> bytes)
    {
        XdrReader reader = new(bytes);
        Take(ref reader, type.Structure, 0);
        return reader.IsComplete ? null
            : reader.HasFailed ? "are no value of its type"
            : $"are a value of its type and {reader.Rest.Length} bytes more";
    }

    /// <summary>The arm of a union for a discriminant; the default arm if no case has it; null if there is no default arm.</summary>
    public static UnionArm? ArmOf(UnionType type, int discriminant) =>
        type.Arms.FirstOrDefault(arm => arm.Cases.Any(one => (int)(long)(one.Value ?? 0) == discriminant)) ?? type.Arms.FirstOrDefault(arm => arm.Cases.Count == 0);

    private static void Take(ref XdrReader reader, XdrType type, int depth)
    {
        if (reader.HasFailed)
            return;
        if (depth > Deepest)
        {
            reader.Fail();
            return;
        }

        switch (type)
        {
            case PrimitiveType primitive:
                TakePrimitive(ref reader, primitive.Kind);
                break;
            case EnumType one:
                int value = reader.ReadInt32();
                if (!one.Members.Any(member => member.Value == value))
                    reader.Fail();
                break;
            case StringType one:
                reader.ReadOpaque(one.Length?.Bound ?? int.MaxValue);
                break;
            case OpaqueType { IsFixed: true } one:
                reader.ReadFixedOpaque(one.Length?.Bound ?? 0);
                break;
            case OpaqueType one:
                reader.ReadOpaque(one.Length?.Bound ?? int.MaxValue);
                break;
            case ArrayType one:
                uint count = one.IsFixed ? (uint)(one.Length?.Bound ?? 0) : reader.ReadUInt32((uint)(one.Length?.Bound ?? int.MaxValue));
                for (int left = reader.Rest.Length + 1; count > 0 && !reader.HasFailed && reader.Rest.Length < left; count--)
                {
                    left = reader.Rest.Length;   // elements of no bytes need not be counted
                    Take(ref reader, one.Element.Structure, depth + 1);
                }

                break;
            case OptionalType one:
                if (reader.ReadBool())
                    Take(ref reader, one.Element.Structure, depth + 1);
                break;
            case StructType one:
                TakeStruct(ref reader, one, depth);
                break;
            case UnionType one:
                int before = reader.Rest.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32BigEndian(reader.Rest) : 0;
                Take(ref reader, one.Discriminant.Type.Structure, depth + 1);
                if (ArmOf(one, before) is not { } arm)
                    reader.Fail();
                else if (arm.Declaration is { } declaration)
                    Take(ref reader, declaration.Type.Structure, depth + 1);
                break;
        }
    }

    // A linked list is read in a loop, without recursion, so it may be of any length.
    private static void TakeStruct(ref XdrReader reader, StructType type, int depth)
    {
        Declaration? next = type.Next;
        do
        {
            foreach (Declaration member in type.Members.Where(member => member != next))
                Take(ref reader, member.Type.Structure, depth + 1);
        }
        while (next is not null && !reader.HasFailed && reader.ReadBool());
    }

    private static void TakePrimitive(ref XdrReader reader, PrimitiveKind kind)
    {
        switch (kind)
        {
            case PrimitiveKind.Void:
                break;
            case PrimitiveKind.Hyper or PrimitiveKind.UHyper or PrimitiveKind.Double:
                reader.ReadUInt64();
                break;
            case PrimitiveKind.Bool:
                reader.ReadBool();
                break;
            case PrimitiveKind.Char:
                reader.ReadInt32(sbyte.MinValue, sbyte.MaxValue);
                break;
            case PrimitiveKind.UChar:
                reader.ReadUInt32(byte.MaxValue);
                break;
            case PrimitiveKind.Short:
                reader.ReadInt32(short.MinValue, short.MaxValue);
                break;
            case PrimitiveKind.UShort:
                reader.ReadUInt32(ushort.MaxValue);
                break;
            default:
                reader.ReadUInt32();
                break;
        }
    }
}
