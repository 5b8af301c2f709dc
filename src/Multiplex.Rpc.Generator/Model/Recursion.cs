namespace Multiplex.Rpc.Generator.Model;

/// <summary>Finds the types that may stand within themselves.</summary>
internal static class Recursion
{
    /// <summary>Marks those that nest; a linked list does not, as it is read and written in a loop.</summary>
    public static void Find(Specification specification, ProblemList problems)
    {
        foreach (DefinedType type in specification.Types)
        {
            if (type is not CompositeType composite)
                continue;
            composite.IsRecursive = Reaches(composite, composite, [], onlyAlways: false);
            if (composite.IsRecursive && Reaches(composite, composite, [], onlyAlways: true))
                problems.Report(ProblemKind.Unsupported, composite.Position, $"'{composite.Name}' always holds another {composite.Name}, without end: use a pointer");
        }
    }

    // Whether values of one type hold values of the other: always, or when something is there that need not be.
    private static bool Reaches(CompositeType from, CompositeType target, HashSet<CompositeType> seen, bool onlyAlways)
    {
        if (!seen.Add(from))
            return false;
        foreach (XdrType part in Parts(from, onlyAlways))
        {
            XdrType type = part.Structure;
            while (type is ArrayType or OptionalType)
            {
                bool isAlways = type is ArrayType { IsFixed: true };
                if (onlyAlways && !isAlways)
                    break;
                type = (type is ArrayType array ? array.Element : ((OptionalType)type).Element).Structure;
            }

            if (type == target || (type is CompositeType composite && Reaches(composite, target, seen, onlyAlways)))
                return true;
        }

        return false;
    }

    private static IEnumerable<XdrType> Parts(CompositeType type, bool onlyAlways)
    {
        if (type is StructType one)
        {
            Declaration? next = one.Next;
            foreach (Declaration member in one.Members)
            {
                if (member != next)
                    yield return member.Type;
            }
        }
        else if (type is UnionType union && !onlyAlways)
        {
            foreach (UnionArm arm in union.Arms)
            {
                if (arm.Declaration is not null)
                    yield return arm.Declaration.Type;
            }
        }
    }
}
