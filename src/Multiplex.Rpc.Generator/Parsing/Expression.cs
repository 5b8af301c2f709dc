using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>
/// An integer expression of the C preprocessor, ISO C section 6.10.1: what stands after #if, and in a %#define. Its numbers have 64 bits, and
/// where one operand is unsigned, so is the other.
/// </summary>
internal sealed class Expression
{
    // From those that bind loosest to those that bind tightest.
    private static readonly string[][] s_operators =
        [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<=", ">=", "<", ">"], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    private readonly List<Token> _words;
    private readonly Func<string, bool> _isZero;
    private readonly Position _position;
    private int _next;
    private int _unevaluated;   // how many operands this stands in that do not count, such as the right one of 0 && x

    private Expression(List<Token> words, Func<string, bool> isZero, Position position) => (_words, _isZero, _position) = (words, isZero, position);

    /// <summary>What it comes to.</summary>
    /// <param name="words">Its words, in which macros are expanded.</param>
    /// <param name="isZero">Whether a name that is left stands for 0, as after #if.</param>
    /// <param name="position">Where it stands.</param>
    /// <exception cref="SyntaxException">It cannot be understood.</exception>
    public static decimal Evaluate(List<Token> words, Func<string, bool> isZero, Position position)
    {
        Expression expression = new(words, isZero, position);
        Number value = expression.Comma();
        if (expression._next < words.Count)
            throw expression.Misunderstood(words[expression._next].Text);
        return value.IsUnsigned ? value.Bits : (long)value.Bits;
    }

    private Number Comma()
    {
        Number value = Conditional();
        while (Take(","))
            value = Conditional();
        return value;
    }

    private Number Conditional()
    {
        Number condition = Binary(0);
        if (!Take("?"))
            return condition;
        Number first = Operand(condition.IsTrue, Comma);
        if (!Take(":"))
            throw Misunderstood("no : after ?");
        Number second = Operand(!condition.IsTrue, Conditional);
        bool isUnsigned = first.IsUnsigned || second.IsUnsigned;
        return (condition.IsTrue ? first : second) with { IsUnsigned = isUnsigned };
    }

    private Number Binary(int level)
    {
        if (level == s_operators.Length)
            return Unary();
        Number value = Binary(level + 1);
        while (Array.Find(s_operators[level], Take) is { } sign)
        {
            bool counts = sign switch
            {
                "||" => !value.IsTrue,
                "&&" => value.IsTrue,
                _ => true,
            };
            value = Apply(sign, value, Operand(counts, () => Binary(level + 1)));
        }

        return value;
    }

    private Number Operand(bool counts, Func<Number> read)
    {
        _unevaluated += counts ? 0 : 1;
        Number value = read();
        _unevaluated -= counts ? 0 : 1;
        return value;
    }

    private Number Apply(string sign, Number left, Number right)
    {
        bool isUnsigned = left.IsUnsigned || right.IsUnsigned;
        (ulong a, ulong b) = (left.Bits, right.Bits);
        int order = isUnsigned ? a.CompareTo(b) : ((long)a).CompareTo((long)b);
        switch (sign)
        {
            case "||":
                return Number.Of(left.IsTrue || right.IsTrue);
            case "&&":
                return Number.Of(left.IsTrue && right.IsTrue);
            case "==":
                return Number.Of(a == b);
            case "!=":
                return Number.Of(a != b);
            case "<=":
                return Number.Of(order <= 0);
            case ">=":
                return Number.Of(order >= 0);
            case "<":
                return Number.Of(order < 0);
            case ">":
                return Number.Of(order > 0);
            case "<<":
                return left with { Bits = a << (int)b };
            case ">>":
                return left with { Bits = left.IsUnsigned ? a >> (int)b : (ulong)((long)a >> (int)b) };
            case "/" or "%" when b == 0:
                return _unevaluated > 0 ? new(0, isUnsigned) : throw Misunderstood("a division by 0");
            case "/" or "%" when !isUnsigned && b == ulong.MaxValue:   // by -1: the least number has no opposite
                return new(sign == "/" ? unchecked(0 - a) : 0, false);
        }

        return new(
            sign switch
            {
                "|" => a | b,
                "^" => a ^ b,
                "&" => a & b,
                "+" => unchecked(a + b),
                "-" => unchecked(a - b),
                "*" => unchecked(a * b),
                "/" => isUnsigned ? a / b : (ulong)((long)a / (long)b),
                _ => isUnsigned ? a % b : (ulong)((long)a % (long)b),
            },
            isUnsigned);
    }

    private Number Unary()
    {
        if (Take("!"))
            return Number.Of(!Unary().IsTrue);
        if (Take("+"))
            return Unary();
        if (Take("-") && Unary() is var opposite)
            return opposite with { Bits = unchecked(0 - opposite.Bits) };
        if (Take("~") && Unary() is var complement)
            return complement with { Bits = ~complement.Bits };
        if (Take("("))
        {
            Number value = Comma();
            return Take(")") ? value : throw Misunderstood("no )");
        }

        Token word = _next < _words.Count ? _words[_next++] : throw Misunderstood("it ends too early");
        return word.Kind switch
        {
            TokenKind.Number => Literal(word.Text),
            TokenKind.Character => new(CharacterOf(word.Text) ?? throw Misunderstood($"'{word.Text}'"), false),
            TokenKind.Identifier when _isZero(word.Text) => default,
            _ => throw Misunderstood(word.Text),
        };
    }

    // With the suffixes of C. What fits no signed number is unsigned.
    private Number Literal(string text)
    {
        string digits = text.TrimEnd('u', 'U', 'l', 'L');
        if (!Lexer.TryParse(digits, out decimal value))
            throw Misunderstood(text);
        return new((ulong)value, value > long.MaxValue || text.IndexOfAny(['u', 'U'], digits.Length) >= 0);
    }

    /// <summary>The number of a character as C writes it between quotes; null when it is none.</summary>
    public static ulong? CharacterOf(string text)
    {
        if (text.Length == 1)
            return text[0];
        if (text.Length < 2 || text[0] != '\\')
            return null;
        if (text[1] is 'x' or (>= '0' and <= '7') && Lexer.TryParse("0" + text.Substring(1), out decimal code))
            return (ulong)code;
        return text[1] switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            _ => text[1],
        };
    }

    private bool Take(string word)
    {
        bool isNext = _next < _words.Count && _words[_next].Is(word);
        if (isNext)
            _next++;
        return isNext;
    }

    private SyntaxException Misunderstood(string what) => new(_position, $"the expression cannot be understood: {what.Trim()}");

    private readonly record struct Number(ulong Bits, bool IsUnsigned)
    {
        public bool IsTrue => Bits != 0;

        public static Number Of(bool value) => new(value ? 1u : 0u, false);
    }
}
