namespace Multiplex.Rpc.Generator.Model;

/// <summary>What is wrong with a specification whose names are bound.</summary>
internal sealed class Checks
{
    private readonly ProblemList _problems;
    private readonly bool _isCSharp;

    private Checks(ProblemList problems, bool isCSharp) => (_problems, _isCSharp) = (problems, isCSharp);

    public static void Run(Specification specification, ProblemList problems)
    {
        Checks checks = new(problems, specification.IsCSharp);
        if (!specification.IsCSharp)
            checks.FileNames(specification);
        foreach (DefinedType type in specification.Types)
            checks.Type(type);
        checks.Programs(specification.Programs);
    }

    private void FileNames(Specification specification)
    {
        Names(specification.Types.Select(type => (type.Name, type.Position)), "the type", "this file");
        Names(specification.Constants.Select(constant => (constant.Name, constant.Position)), "the constant", "this file");
        Names(
            specification.Types.OfType<EnumType>().SelectMany(type => type.Members).Select(member => (member.Name, member.Position)),
            "the value",
            "the enums of this file");
        foreach (ConstantDefinition large in specification.Constants.Where(one => one.Number?.Value is < long.MinValue or > ulong.MaxValue))
            _problems.Report(ProblemKind.Unsupported, large.Position, $"{large.Name} = {large.Number!.Text} has more than 64 bits");
        HashSet<string> constants = [.. specification.Constants.Select(constant => constant.Name)];
        foreach (Enumerator member in specification.Types.OfType<EnumType>().SelectMany(type => type.Members).Where(member => constants.Contains(member.Name)))
            _problems.Report(ProblemKind.Duplicate, member.Position, $"'{member.Name}' is a constant and a value of an enum: give one another name");
    }

    private void Type(DefinedType type)
    {
        switch (type)
        {
            case TypedefType typedef:
                Parts(typedef.Target, typedef.Position, $"'{typedef.Name}'");
                break;
            case EnumType one:
                foreach (Enumerator member in one.Members.Where(member => member.Value is < int.MinValue or > int.MaxValue))
                    _problems.Report(ProblemKind.Unsupported, member.Position, $"{member.Name} = {member.Value} is no 32-bit integer");
                break;
            case StructType one:
                Names(one.Members.Select(member => (member.Name, member.Position)), "the member", $"struct {one.Name}");
                foreach (Declaration member in one.Members)
                    Parts(member.Type, member.Position, $"'{member.Name}'");
                break;
            case UnionType union:
                Union(union);
                break;
        }
    }

    private void Union(UnionType union)
    {
        XdrType discriminant = union.Discriminant.Type.Structure;
        if (discriminant is not (EnumType or PrimitiveType { Kind: not (PrimitiveKind.Hyper or PrimitiveKind.UHyper or PrimitiveKind.Float or PrimitiveKind.Double) }))
            _problems.Report(ProblemKind.Unsupported, union.Discriminant.Position, $"'{union.Discriminant.Name}' must be an int, unsigned int, bool or enum to discriminate");
        Names(
            union.Arms.Select(arm => arm.Declaration).Concat([union.Discriminant]).OfType<Declaration>().Select(arm => (arm.Name, arm.Position)),
            "the member",
            $"union {union.Name}");
        Numbers(union.Arms.SelectMany(arm => arm.Cases).Select(one => (one.Value, one.Text, one.Position)), "the case", $"union {union.Name}");
        foreach (Constant one in union.Arms.SelectMany(arm => arm.Cases))
        {
            if (one.Value is { } value && !Fits(value, discriminant))
                _problems.Report(ProblemKind.Unknown, one.Position, $"'{one.Text}' is no value of '{union.Discriminant.Name}'");
        }

        foreach (UnionArm second in union.Arms.Where(arm => arm.Cases.Count == 0).Skip(1))
            _problems.Report(ProblemKind.Duplicate, second.Declaration?.Position ?? union.Position, $"union {union.Name} has two default arms");
        foreach (Declaration arm in union.Arms.Select(arm => arm.Declaration).OfType<Declaration>())
            Parts(arm.Type, arm.Position, $"'{arm.Name}'");
    }

    private static bool Fits(decimal value, XdrType discriminant) => discriminant switch
    {
        EnumType one => one.Members.Any(member => member.Value == value),
        PrimitiveType { Kind: PrimitiveKind.Bool } => value is 0 or 1,
        PrimitiveType { Kind: PrimitiveKind.UInt } => value is >= 0 and <= uint.MaxValue,
        PrimitiveType { Kind: PrimitiveKind.Int } => value is >= int.MinValue and <= int.MaxValue,
        PrimitiveType { Kind: PrimitiveKind.Char } => value is >= sbyte.MinValue and <= sbyte.MaxValue,
        PrimitiveType { Kind: PrimitiveKind.UChar } => value is >= byte.MinValue and <= byte.MaxValue,
        PrimitiveType { Kind: PrimitiveKind.Short } => value is >= short.MinValue and <= short.MaxValue,
        PrimitiveType { Kind: PrimitiveKind.UShort } => value is >= ushort.MinValue and <= ushort.MaxValue,
        _ => false,
    };

    private void Programs(List<ProgramDefinition> programs)
    {
        Numbers(programs.Select(program => (program.Number.Value, program.Name, program.Position)), "the program number", "this file");
        foreach (ProgramDefinition program in programs)
        {
            Unsigned(program.Number, $"program {program.Name}");
            Names(program.Versions.Select(version => (version.Name, version.Position)), "the version", $"program {program.Name}");
            Numbers(program.Versions.Select(version => (version.Number.Value, version.Name, version.Position)), "the version number", $"program {program.Name}");
            foreach (VersionDefinition version in program.Versions)
            {
                Unsigned(version.Number, $"version {version.Name}");
                Names(version.Procedures.Select(one => (one.Name, one.Position)), "the procedure", $"version {version.Name}");
                Numbers(version.Procedures.Select(one => (one.Number.Value, one.Name, one.Position)), "the procedure number", $"version {version.Name}");
                foreach (ProcedureDefinition procedure in version.Procedures)
                    Procedure(procedure);
            }
        }
    }

    private void Procedure(ProcedureDefinition procedure)
    {
        Unsigned(procedure.Number, $"procedure {procedure.Name}");
        if (procedure.Result.Structure is not PrimitiveType { Kind: PrimitiveKind.Void })
            Parts(procedure.Result, procedure.Position, $"the result of {procedure.Name}");
        foreach (Declaration argument in procedure.Arguments)
            Parts(argument.Type, argument.Position, $"'{argument.Name}'");
        Names(procedure.Arguments.Where(one => one.Type is not NamedType named || named.Name != one.Name).Select(one => (one.Name, one.Position)), "the argument", procedure.Name);
    }

    // What a type that is no name consists of; what a name stands for is looked at where it is defined.
    private void Parts(XdrType type, Position position, string what)
    {
        (Constant? length, bool isFixed) = type switch
        {
            OpaqueType opaque => (opaque.Length, opaque.IsFixed),
            StringType text => (text.Length, false),
            ArrayType array => (array.Length, array.IsFixed),
            _ => (null, true),
        };
        if (length is null && !isFixed)
            _problems.Report(ProblemKind.Unbounded, position, $"{what} may be as long as it likes: {(_isCSharp ? "mark it [XdrMaxLength(n)]" : "give it a bound")}");
        else if (length?.Value is < 0 or > uint.MaxValue)
            _problems.Report(ProblemKind.Unsupported, length.Position, $"{length.Text} = {length.Value} is no length");
        if (type is ArrayType { Element: var element })
            Parts(element, position, what);
        else if (type is OptionalType optional)
            Parts(optional.Element, position, what);
        else if (type is NamedType { Structure: PrimitiveType { Kind: PrimitiveKind.Void } })
            _problems.Report(ProblemKind.Unsupported, position, $"{what} cannot be void");
    }

    private void Unsigned(Constant number, string what)
    {
        if (number.Value is < 0 or > uint.MaxValue)
            _problems.Report(ProblemKind.Unsupported, number.Position, $"{what} = {number.Text} is no unsigned 32-bit number");
    }

    private void Names(IEnumerable<(string Name, Position Position)> names, string what, string where)
    {
        HashSet<string> seen = [];
        foreach ((string name, Position position) in names)
        {
            if (!seen.Add(name))
                _problems.Report(ProblemKind.Duplicate, position, $"{what} '{name}' stands twice in {where}");
        }
    }

    private void Numbers(IEnumerable<(decimal? Value, string Name, Position Position)> numbers, string what, string where)
    {
        Dictionary<decimal, string> seen = [];
        foreach ((decimal? value, string name, Position position) in numbers)
        {
            if (value is null)
                continue;   // which is reported already
            if (seen.TryGetValue(value.Value, out string? other))
                _problems.Report(ProblemKind.Duplicate, position, $"{what} {value} stands twice in {where}: {other} and {name}");
            else
                seen.Add(value.Value, name);
        }
    }
}
