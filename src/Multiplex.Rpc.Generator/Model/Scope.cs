namespace Multiplex.Rpc.Generator.Model;

/// <summary>What can be named in a specification: its own definitions first, then those of what it imports.</summary>
internal sealed class Scope
{
    private readonly Dictionary<string, DefinedType> _types = [];
    private readonly Dictionary<string, Func<decimal?>> _numbers = [];
    private readonly Dictionary<string, string> _namedBy = [];   // what the number of a name is written as
    private readonly HashSet<string> _beingFound = [], _broken = [];

    public Scope(Specification specification) => Take(specification, []);

    public DefinedType? FindType(string name) => _types.TryGetValue(name, out DefinedType? type) ? type : null;

    /// <summary>Whether its definition is there, and could not be read.</summary>
    public bool IsBroken(string name) => _broken.Contains(name);

    /// <summary>Whether a name is defined by one that is not defined: the mistake is reported at the definition.</summary>
    public bool IsByUnknown(string name)
    {
        HashSet<string> seen = [];
        string last = name;
        while (_namedBy.TryGetValue(last, out string? next) && seen.Add(last))
            last = next;
        return seen.Count > 0 && !_namedBy.ContainsKey(last);
    }

    /// <summary>The value of a constant, an enumerator, a program, a version or a procedure; null when there is none, or it needs itself.</summary>
    public decimal? FindNumber(string name)
    {
        if (!_numbers.TryGetValue(name, out Func<decimal?>? find) || !_beingFound.Add(name))
            return null;
        decimal? value = find();
        _beingFound.Remove(name);
        return value;
    }

    private void Take(Specification specification, HashSet<Specification> taken)
    {
        if (!taken.Add(specification))
            return;
        _broken.UnionWith(specification.Broken);
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

        foreach (KeyValuePair<string, decimal> define in specification.DefinesForC)
            Add(define.Key, "0", () => define.Value);
        foreach (Specification import in specification.Imports)
            Take(import, taken);
    }

    private void AddValues(EnumType type)
    {
        Enumerator? last = null;   // with a number, and how many come after it
        int after = -1;
        foreach (Enumerator member in type.Members)
        {
            if (member.Number is { } number)
            {
                (last, after) = (member, 0);
                Add(member.Name, number.Text, () => Enumerator.In32Bits(Find(number), number.Text));
            }
            else
            {
                (string? from, int more) = (last?.Name, ++after);
                Add(member.Name, from ?? "0", () => from is null ? more : FindNumber(from) + more);
            }
        }
    }

    private void AddNumber(string name, Constant? number)
    {
        if (number is not null)
            Add(name, number.Text, () => Find(number));
    }

    private decimal? Find(Constant number) => number.Value ?? FindNumber(number.Text) ?? Parsing.Keywords.NumberInC(number.Text);

    private void Add(string name, string by, Func<decimal?> find)
    {
        if (_numbers.ContainsKey(name))
            return;
        _numbers.Add(name, find);
        _namedBy.Add(name, by);
    }
}
