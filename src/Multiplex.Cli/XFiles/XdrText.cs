using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Cli.XFiles;

/// <summary>
/// Values of XDR types, written as text and read into XDR: numbers and names of constants, true and false, "strings", 0x… for opaque
/// data, [arrays], {structs}, {discriminant, arm} for unions, null for a pointer to nothing.
/// </summary>
/// <param name="text">The values, with commas between them.</param>
/// <param name="specification">Where names are found.</param>
internal sealed class XdrText(string text, Specification specification)
{
    private readonly OutputBuffer _xdr = new();
    private int _at;

    /// <summary>Reads exactly one value of each of these types.</summary>
    /// <returns>The values in XDR.</returns>
    /// <exception cref="FormatException">The text is something else; the message has the expected form and the position.</exception>
    public byte[] ReadAll(IReadOnlyList<Declaration> declarations)
    {
        Declaration[] wanted = [.. declarations.Where(one => one.Type.Structure is not PrimitiveType { Kind: PrimitiveKind.Void })];
        Members(wanted);
        if (Peek() != '\0')
            throw Wanted(wanted.Length == 0 ? "no argument" : $"no more than {wanted.Length} arguments");
        return _xdr.Written.ToArray();
    }

    private void Members(IReadOnlyList<Declaration> members)
    {
        for (int i = 0; i < members.Count; i++)
        {
            if (i > 0)
                Expect(',', $"a comma before '{members[i].Name}'");
            Value(members[i].Type.Structure, members[i].Name);
        }
    }

    private void Value(XdrType type, string name)
    {
        switch (type)
        {
            case PrimitiveType primitive:
                Primitive(primitive.Kind, name);
                break;
            case EnumType one:
                long value = Integer($"'{name}', one of {string.Join(", ", one.Members.Select(member => member.Name))}");
                if (!one.Members.Any(member => member.Value == value))
                    throw Wanted($"'{name}', one of {string.Join(", ", one.Members.Select(member => member.Name))}");
                Word((uint)value);
                break;
            case StringType one:
                Opaque(Quoted($"'{name}', a string in quotation marks"), one.Length, isFixed: false, name);
                break;
            case OpaqueType one:
                Opaque(Peek() == '"' ? Quoted(name) : Hexadecimal(name), one.Length, one.IsFixed, name);
                break;
            case ArrayType one:
                Array(one, name);
                break;
            case OptionalType one:
                bool isNull = Peek() is 'n' or 'N' && Name().Equals("null", StringComparison.OrdinalIgnoreCase);
                Word(isNull ? 0u : 1);
                if (!isNull)
                    Value(one.Element.Structure, name);
                break;
            case StructType one:
                Expect('{', $"'{name}', a struct {{{string.Join(", ", one.Members.Select(member => member.Name))}}}");
                Members(one.Members);
                Expect('}', $"'}}' at the end of '{name}'");
                break;
            case UnionType one:
                Union(one, name);
                break;
        }
    }

    private void Primitive(PrimitiveKind kind, string name)
    {
        switch (kind)
        {
            case PrimitiveKind.Void:
                break;
            case PrimitiveKind.Bool:
                Word((uint)InRange(name, 0, 1));
                break;
            case PrimitiveKind.Float:
                Word(BitConverter.SingleToUInt32Bits((float)Real(name)));
                break;
            case PrimitiveKind.Double:
                Double(BitConverter.DoubleToUInt64Bits(Real(name)));
                break;
            case PrimitiveKind.UHyper:
                Double((ulong)InRange(name, 0, ulong.MaxValue));
                break;
            case PrimitiveKind.Hyper:
                Double((ulong)(long)InRange(name, long.MinValue, long.MaxValue));
                break;
            default:
                (long least, long most) = kind switch
                {
                    PrimitiveKind.Char => (sbyte.MinValue, sbyte.MaxValue),
                    PrimitiveKind.UChar => (byte.MinValue, byte.MaxValue),
                    PrimitiveKind.Short => (short.MinValue, short.MaxValue),
                    PrimitiveKind.UShort => (ushort.MinValue, ushort.MaxValue),
                    PrimitiveKind.UInt => (uint.MinValue, uint.MaxValue),
                    _ => ((long)int.MinValue, (long)int.MaxValue),
                };
                Word((uint)(long)InRange(name, least, most));
                break;
        }
    }

    private void Array(ArrayType type, string name)
    {
        Expect('[', $"'{name}', an array [a, b, …]");
        int start = _xdr.Length;
        if (!type.IsFixed)
            Word(0);
        uint count = 0;
        while (Peek() != ']')
        {
            if (count > 0)
                Expect(',', $"a comma or ']' in '{name}'");
            Value(type.Element.Structure, name);
            count++;
        }

        _at++;
        CheckLength(count, type.Length, type.IsFixed, name, "elements");
        if (!type.IsFixed)
            BinaryPrimitives.WriteUInt32BigEndian(_xdr.Rewrite(start, sizeof(uint)), count);
    }

    private void Union(UnionType type, string name)
    {
        Expect('{', $"'{name}', a union {{{type.Discriminant.Name}, …}}");
        int before = _xdr.Length;
        Value(type.Discriminant.Type.Structure, type.Discriminant.Name);
        int chosen = BinaryPrimitives.ReadInt32BigEndian(_xdr.Written[before..]);
        UnionArm arm = XdrShape.ArmOf(type, chosen) ?? throw Wanted($"a '{type.Discriminant.Name}' that has an arm in '{name}'");
        if (arm.Declaration is { } declaration && declaration.Type.Structure is not PrimitiveType { Kind: PrimitiveKind.Void })
        {
            Expect(',', $"a comma before '{declaration.Name}'");
            Value(declaration.Type.Structure, declaration.Name);
        }

        Expect('}', $"'}}' at the end of '{name}'");
    }

    private void Opaque(byte[] data, Constant? length, bool isFixed, string name)
    {
        CheckLength((uint)data.Length, length, isFixed, name, "bytes");
        if (!isFixed)
            Word((uint)data.Length);
        _xdr.Write(data);
        _xdr.Write(stackalloc byte[-data.Length & 3]);
    }

    private void CheckLength(uint count, Constant? length, bool isFixed, string name, string what)
    {
        if (isFixed ? count != length?.Value : length is not null && count > length.Value)
            throw Wanted($"'{name}', {(isFixed ? "" : "at most ")}{length?.Value} {what} and not {count}");
    }

    private Int128 InRange(string name, Int128 least, Int128 most)
    {
        Int128 value = Number($"'{name}', a number from {least} to {most}");
        return value >= least && value <= most ? value : throw Wanted($"'{name}', a number from {least} to {most}");
    }

    private long Integer(string wanted) => Number(wanted) is var value && value >= long.MinValue && value <= long.MaxValue ? (long)value : throw Wanted(wanted);

    // A number, or the name of one.
    private Int128 Number(string wanted)
    {
        char first = Peek();
        if (char.IsLetter(first) || first == '_')
            return Named(Name()) ?? throw Wanted(wanted);
        bool isNegative = first == '-';
        if (isNegative)
            _at++;
        string digits = Word(char.IsAsciiLetterOrDigit);
        bool isHexadecimal = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return Int128.TryParse(
            isHexadecimal ? digits.AsSpan(2) : digits, isHexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out Int128 value)
            ? (isNegative ? -value : value)
            : throw Wanted(wanted);
    }

    private Int128? Named(string name) => name switch
    {
        "true" or "TRUE" => 1,
        "false" or "FALSE" => 0,
        _ => (Int128?)(All(specification, []).SelectMany(one => one.Constants).FirstOrDefault(constant => constant.Name == name)?.Number?.Value
            ?? All(specification, []).SelectMany(one => one.Types).OfType<EnumType>().SelectMany(one => one.Members).FirstOrDefault(member => member.Name == name)?.Value),
    };

    // Files may include each other.
    private static IEnumerable<Specification> All(Specification specification, HashSet<Specification> seen) =>
        seen.Add(specification) ? specification.Imports.SelectMany(import => All(import, seen)).Prepend(specification) : [];

    private double Real(string name) =>
        double.TryParse(Word(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '+'), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw Wanted($"'{name}', a number such as 1.5");

    private byte[] Hexadecimal(string name)
    {
        string digits = Word(char.IsAsciiLetterOrDigit);
        try
        {
            if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
                return Convert.FromHexString(digits.AsSpan(2));
        }
        catch (FormatException)
        {
            // Reported below, with the position.
        }

        throw Wanted($"'{name}', bytes such as 0x0102, or a string in quotation marks");
    }

    private byte[] Quoted(string wanted)
    {
        Expect('"', wanted);
        StringBuilder content = new();
        for (; _at < text.Length && text[_at] != '"'; _at++)
        {
            if (text[_at] == '\\' && _at + 1 < text.Length)
                content.Append(text[++_at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', '0' => '\0', char other => other });
            else
                content.Append(text[_at]);
        }

        Expect('"', "the closing quotation mark");
        return Encoding.UTF8.GetBytes(content.ToString());
    }

    private string Name() => Word(c => char.IsLetterOrDigit(c) || c == '_');

    private string Word(Func<char, bool> belongs)
    {
        Peek();
        int start = _at;
        while (_at < text.Length && belongs(text[_at]))
            _at++;
        return text[start.._at];
    }

    private void Expect(char character, string wanted)
    {
        if (Peek() != character)
            throw Wanted(wanted);
        _at++;
    }

    // The next character that is not a space; '\0' at the end.
    private char Peek()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            _at++;
        return _at < text.Length ? text[_at] : '\0';
    }

    private void Word(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        _xdr.Write(bytes);
    }

    private void Double(ulong value)
    {
        Word((uint)(value >> 32));
        Word((uint)value);
    }

    private FormatException Wanted(string what) => new($"at '{text[Math.Min(_at, text.Length)..]}', character {_at + 1} of the arguments: write {what}");
}
