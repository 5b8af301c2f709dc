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

    /// <summary>Binds a specification whose imports are bound, and checks it.</summary>
    public static void Bind(Specification specification, ProblemList problems)
    {
        Binder binder = new(specification, problems);
        binder.BindAll();
        if (!problems.Any(problem => problem.IsError))
            Checks.Run(specification, problems);
        if (!problems.Any(problem => problem.IsError))
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
                if (IsOfItself(typedef))
                    _problems.Report(ProblemKind.Unsupported, typedef.Position, $"'{typedef.Name}' is a typedef of itself");
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
                        Bind(value);
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
                    _problems.Report(ProblemKind.Unknown, named.Position, $"there is no type '{named.Name}': define it, or #include the file that does");
                    named.Target = PrimitiveType.Void;
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
        if (constant.Value is null)
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

    private static bool IsOfItself(TypedefType typedef)
    {
        HashSet<XdrType> seen = [];
        XdrType? type = typedef;
        while (type is not null && seen.Add(type))
            type = type is TypedefType one ? one.Target : (type as NamedType)?.Target;
        return type is not null;
    }
}
