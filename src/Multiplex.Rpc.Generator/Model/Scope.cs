namespace Multiplex.Rpc.Generator.Model;

/// <summary>What can be named in a specification: its own definitions first, then those of what it imports.</summary>
internal sealed class Scope
{
    private readonly Dictionary<string, DefinedType> _types = [];
    private readonly Dictionary<string, Func<long?>> _numbers = [];
    private readonly HashSet<string> _beingFound = [];

    public Scope(Specification specification) => Take(specification, []);

    public DefinedType? FindType(string name) => _types.TryGetValue(name, out DefinedType? type) ? type : null;

    /// <summary>The value of a constant, an enumerator, a program, a version or a procedure; null when there is none, or it needs itself.</summary>
    public long? FindNumber(string name)
    {
        if (!_numbers.TryGetValue(name, out Func<long?>? find) || !_beingFound.Add(name))
            return null;
        long? value = find();
        _beingFound.Remove(name);
        return value;
    }

    private void Take(Specification specification, HashSet<Specification> taken)
    {
        if (!taken.Add(specification))
            return;
        foreach (ConstantDefinition constant in specification.Constants)
            AddNumber(constant.Name, constant.Number);
        foreach (DefinedType type in specification.Types)
        {
            if (!_types.ContainsKey(type.Name))
                _types.Add(type.Name, type);
            if (type is EnumType one)
                AddValues(one);
        }

        foreach (ProgramDefinition program in specification.Programs)
        {
            AddNumber(program.Name, program.Number);
            foreach (VersionDefinition version in program.Versions)
            {
                AddNumber(version.Name, version.Number);
                foreach (ProcedureDefinition procedure in version.Procedures)
                    AddNumber(procedure.Name, procedure.Number);
            }
        }

        foreach (KeyValuePair<string, long> define in specification.DefinesForC)
            Add(define.Key, () => define.Value);
        foreach (Specification import in specification.Imports)
            Take(import, taken);
    }

    private void AddValues(EnumType type)
    {
        Enumerator? before = null;
        foreach (Enumerator member in type.Members)
        {
            if (member.Number is not null)
            {
                AddNumber(member.Name, member.Number);
            }
            else
            {
                string? last = before?.Name;
                Add(member.Name, () => last is null ? 0 : FindNumber(last) + 1);
            }

            before = member;
        }
    }

    private void AddNumber(string name, Constant? number)
    {
        if (number is not null)
            Add(name, () => number.Value ?? FindNumber(number.Text) ?? Parsing.Keywords.NumberInC(number.Text));
    }

    private void Add(string name, Func<long?> find)
    {
        if (!_numbers.ContainsKey(name))
            _numbers.Add(name, find);
    }
}
