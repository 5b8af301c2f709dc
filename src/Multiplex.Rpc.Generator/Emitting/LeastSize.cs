using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>The fewest bytes that a value of a type takes: what a count of elements is held against.</summary>
internal static class LeastSize
{
    private const int Unit = 4;

    public static int Of(XdrType type) => (int)Math.Min(Of(type, []), int.MaxValue);

    private static long Of(XdrType type, HashSet<XdrType> within)
    {
        XdrType structure = type.Structure;
        if (structure is CompositeType && !within.Add(structure))
            return 0;   // it holds itself
        long size = structure switch
        {
            PrimitiveType { Kind: PrimitiveKind.Void } => 0,
            PrimitiveType { Kind: PrimitiveKind.Hyper or PrimitiveKind.UHyper or PrimitiveKind.Double } => 2 * Unit,
            OpaqueType { IsFixed: true } opaque => ((long)(opaque.Length?.Bound ?? 0) + Unit - 1) / Unit * Unit,
            ArrayType { IsFixed: true } array => Math.Min((array.Length?.Bound ?? 0) * Of(array.Element, within), int.MaxValue),
            StructType one => one.Members.Sum(member => Of(member.Type, within)),
            UnionType { Arms.Count: > 0 } union => Unit + union.Arms.Min(arm => arm.Declaration is null ? 0 : Of(arm.Declaration.Type, within)),
            _ => Unit,
        };
        within.Remove(structure);
        return Math.Min(size, int.MaxValue);
    }
}
