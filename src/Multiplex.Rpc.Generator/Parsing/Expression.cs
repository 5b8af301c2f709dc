using System.Text.RegularExpressions;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>An integer expression of the C preprocessor: what stands after #if, and in a %#define.</summary>
internal sealed class Expression
{
    // From those that bind loosest to those that bind tightest; what begins with another stands before it.
    private static readonly string[][] s_operators =
        [["||"], ["&&"], ["|"], ["&"], ["==", "!="], ["<=", ">=", "<", ">"], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    private static readonly Regex s_word = new(@"\s*(\w+|&&|\|\||<<|>>|[=!<>]=|[()!<>|&+*/%-])");

    private readonly List<string> _words = [];
    private readonly Func<string, long?> _find;
    private readonly Func<string, bool> _isDefined;
    private readonly Position _position;
    private int _next;

    private Expression(string text, Func<string, long?> find, Func<string, bool> isDefined, Position position)
    {
        (_find, _isDefined, _position) = (find, isDefined, position);
        int end = 0;
        for (Match match = s_word.Match(text); match.Success && match.Index == end; match = s_word.Match(text, end))
        {
            _words.Add(match.Groups[1].Value);
            end = match.Index + match.Length;
        }

        if (text.Substring(end).Trim().Length > 0)
            throw Misunderstood(text.Substring(end));
    }

    /// <summary>What it comes to.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="find">The value of a name, or null.</param>
    /// <param name="isDefined">Whether a name is defined.</param>
    /// <param name="position">Where it stands.</param>
    /// <exception cref="SyntaxException">It cannot be understood.</exception>
    public static long Evaluate(string text, Func<string, long?> find, Func<string, bool> isDefined, Position position)
    {
        Expression expression = new(text, find, isDefined, position);
        long value = expression.Binary(0);
        return expression._next == expression._words.Count ? value : throw expression.Misunderstood(expression._words[expression._next]);
    }

    private long Binary(int level)
    {
        if (level == s_operators.Length)
            return Unary();
        long value = Binary(level + 1);
        while (Array.Find(s_operators[level], Take) is { } sign)
            value = Apply(sign, value, Binary(level + 1));
        return value;
    }

    private long Apply(string sign, long left, long right) => sign switch
    {
        "||" => left != 0 || right != 0 ? 1 : 0,
        "&&" => left != 0 && right != 0 ? 1 : 0,
        "|" => left | right,
        "&" => left & right,
        "==" => left == right ? 1 : 0,
        "!=" => left != right ? 1 : 0,
        "<=" => left <= right ? 1 : 0,
        ">=" => left >= right ? 1 : 0,
        "<" => left < right ? 1 : 0,
        ">" => left > right ? 1 : 0,
        "<<" => left << (int)right,
        ">>" => left >> (int)right,
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        _ when right == 0 => throw Misunderstood("a division by 0"),
        "/" => left / right,
        _ => left % right,
    };

    private long Unary()
    {
        if (Take("!"))
            return Unary() == 0 ? 1 : 0;
        if (Take("-"))
            return -Unary();
        if (Take("("))
        {
            long value = Binary(0);
            return Take(")") ? value : throw Misunderstood("no )");
        }

        string word = Next();
        if (word == "defined")
        {
            bool isBracketed = Take("(");
            string name = Next();
            return !isBracketed || Take(")") ? (_isDefined(name) ? 1 : 0) : throw Misunderstood("no )");
        }

        return Lexer.TryParse(word, out long number) ? number : _find(word) ?? throw Misunderstood(word);
    }

    private string Next() => _next < _words.Count ? _words[_next++] : throw Misunderstood("it ends too early");

    private bool Take(string word)
    {
        bool isNext = _next < _words.Count && _words[_next] == word;
        if (isNext)
            _next++;
        return isNext;
    }

    private SyntaxException Misunderstood(string what) => new(_position, $"the expression cannot be understood: {what.Trim()}");
}
