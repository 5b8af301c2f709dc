using Multiplex.Rpc.Generator.Parsing;

namespace Multiplex.Rpc.Generator.Model;

/// <summary>Finds what the names of a specification stand for, in itself, in what it imports and in C's headers.</summary>
internal sealed class Binder
{
    private readonly Specification _specification;
    private readonly ProblemList _problems;
    private readonly Scope _scope;

    private Binder(Specification specification, ProblemList problems)
    {
        (_specification, _problems) = (specification, problems);
        _scope = new(specification);
    }

    /// <summary>Binds a specification that imports none, and checks it.</summary>
    public static void Bind(Specification specification, ProblemList problems)
    {
        BindNames(specification, problems);
        Check(specification, problems);
    }

    /// <summary>Finds what its names stand for.</summary>
    public static void BindNames(Specification specification, ProblemList problems) => new Binder(specification, problems).BindAll();

    /// <summary>Looks for what is wrong in a specification that is bound, as are its imports.</summary>
    public static void Check(Specification specification, ProblemList problems)
    {
        Checks.Run(specification, problems);
        Recursion.Find(specification, problems);
    }

    private void BindAll()
    {
        foreach (ConstantDefinition constant in _specification.Constants)
            Bind(constant.Number);
        foreach (DefinedType type in _specification.Types)
            Bind(type);
        foreach (ProgramDefinition program in _specification.Programs)
        {
            Bind(program.Number);
            foreach (VersionDefinition version in program.Versions)
            {
                Bind(version.Number);
                foreach (ProcedureDefinition procedure in version.Procedures)
                {
                    Bind(procedure.Number);
                    Bind(procedure.Result);
                    foreach (Declaration argument in procedure.Arguments)
                        Bind(argument.Type);
                }
            }
        }
    }

    private void Bind(DefinedType type)
    {
        switch (type)
        {
            case TypedefType typedef:
                Bind(typedef.Target);
                BreakCircle(typedef);
                break;
            case EnumType one:
                BindValues(one);
                break;
            case StructType one:
                foreach (Declaration member in one.Members)
                    Bind(member.Type);
                break;
            case UnionType union:
                Bind(union.Discriminant.Type);
                foreach (UnionArm arm in union.Arms)
                {
                    foreach (Constant value in arm.Cases)
                    {
                        Bind(value);
                        if (union.Discriminant.Type.Structure is not PrimitiveType { Kind: PrimitiveKind.UInt })
                            value.Value = Enumerator.In32Bits(value.Value, value.Text);
                    }

                    if (arm.Declaration is not null)
                        Bind(arm.Declaration.Type);
                }

                break;
        }
    }

    private void Bind(XdrType type)
    {
        switch (type)
        {
            case NamedType named:
                named.Target = _scope.FindType(named.Name) ?? Keywords.TypeInC(named.Name);
                if (named.Target is null)
                {
                    if (!_scope.IsBroken(named.Name))
                        _problems.Report(ProblemKind.Unknown, named.Position, $"there is no type '{named.Name}': define it, or #include the file that does");
                    named.Target = new PrimitiveType(PrimitiveKind.Int);   // so that the rest can be looked at
                }

                break;
            case OpaqueType opaque:
                Bind(opaque.Length);
                break;
            case StringType text:
                Bind(text.Length);
                break;
            case ArrayType array:
                Bind(array.Length);
                Bind(array.Element);
                break;
            case OptionalType optional:
                Bind(optional.Element);
                break;
        }
    }

    private void Bind(Constant? constant)
    {
        if (constant is null or { Value: not null })
            return;
        constant.Value = _scope.FindNumber(constant.Text) ?? Keywords.NumberInC(constant.Text);
        if (constant.Value is null && !_scope.IsBroken(constant.Text) && !_scope.IsByUnknown(constant.Text))
            _problems.Report(ProblemKind.Unknown, constant.Position, $"there is no constant '{constant.Text}': define it by const, or write a number");
    }

    private void BindValues(EnumType type)
    {
        foreach (Enumerator member in type.Members)
        {
            Bind(member.Number);
            member.Value = _scope.FindNumber(member.Name) ?? 0;
        }
    }

    // A typedef of itself, also by way of others, would have no end.
    private void BreakCircle(TypedefType typedef)
    {
        HashSet<XdrType> seen = [];
        XdrType? type = typedef;
        while (type is not null && seen.Add(type))
        {
            type = type is TypedefType one ? one.Target : (type as NamedType)?.Target;
            if (type is NamedType { Target: { } target } named && target == typedef)
            {
                _problems.Report(ProblemKind.Unsupported, typedef.Position, $"'{typedef.Name}' is a typedef of itself");
                named.Target = new PrimitiveType(PrimitiveKind.Int);
            }
        }
    }
}
