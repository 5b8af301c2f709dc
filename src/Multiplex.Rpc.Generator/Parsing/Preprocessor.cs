using System.Text;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>
/// What rpcgen leaves to the C preprocessor, and what it does with its own lines: drops comments and the lines that begin with %,
/// follows #if and #define. Each line stays on its line, so that messages name the right one.
/// </summary>
internal sealed class Preprocessor
{
    private readonly string _file;
    private readonly Dictionary<string, string> _macros = new() { ["RPC_HDR"] = "1" };   // types and programs stand in rpcgen's header
    private readonly Stack<Conditional> _conditionals = new();
    private readonly StringBuilder _output = new();
    private bool _inComment;

    private Preprocessor(string file) => _file = file;

    /// <summary>The file's text, without what the language itself does not know.</summary>
    public string Text => _output.ToString();

    /// <summary>The files named by #include, and by %#include: those only C needs to have.</summary>
    public List<Inclusion> Inclusions { get; } = [];

    /// <summary>Numbers from %#define lines.</summary>
    public Dictionary<string, long> DefinesForC { get; } = [];

    /// <exception cref="SyntaxException">A comment or a conditional is not closed, or a directive cannot be understood.</exception>
    public static Preprocessor Run(string file, string text)
    {
        Preprocessor preprocessor = new(file);
        string[] lines = text.Replace("\r\n", "\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            Position position = new(file, i + 1, 1);
            string line = lines[i];
            int joined = 0;
            while (line.EndsWith("\\", StringComparison.Ordinal) && i + 1 < lines.Length)
            {
                line = line.Substring(0, line.Length - 1) + lines[++i];
                joined++;
            }

            preprocessor.Take(line, position);
            preprocessor._output.Append('\n', i + 1 < lines.Length ? joined + 1 : joined);
        }

        Position end = new(file, lines.Length, 1);
        if (preprocessor._inComment)
            throw new SyntaxException(end, "a comment is not closed by '*/'");
        if (preprocessor._conditionals.Count > 0)
            throw new SyntaxException(end, "an #if is not closed by #endif");
        return preprocessor;
    }

    private bool IsActive => _conditionals.Count == 0 || _conditionals.Peek().IsActive;

    private void Take(string line, Position position)
    {
        if (!_inComment && line.StartsWith("%", StringComparison.Ordinal))
        {
            if (IsActive)
                TakeForC(line.Substring(1).Trim());
            return;
        }

        bool wasComment = _inComment;
        string rest = WithoutComments(line);
        if (!wasComment && rest.TrimStart().StartsWith("#", StringComparison.Ordinal))
            Obey(rest.TrimStart().Substring(1).Trim(), position);
        else if (IsActive)
            _output.Append(Expanded(rest));
    }

    private void TakeForC(string line)
    {
        if (!line.StartsWith("#", StringComparison.Ordinal))
            return;
        (string directive, string rest) = Split(line.Substring(1).Trim());
        (string name, string value) = Split(rest);
        if (directive == "include")
            Inclusions.Add(new(rest.Trim('"', '<', '>'), new(_file, 0, 0), IsForC: true));
        else if (directive == "define" && name.IndexOf('(') < 0 && WithoutComments(value).Trim() is { Length: > 0 } number)
            DefineForC(name, number);
        _inComment = false;   // a comment on such a line is C's
    }

    // Only numbers are of use here: whatever else C is given is none of this language's business.
    private void DefineForC(string name, string value)
    {
        try
        {
            DefinesForC[name] = Expression.Evaluate(
                value,
                other => DefinesForC.TryGetValue(other, out long number) ? number : null,
                DefinesForC.ContainsKey,
                new(_file, 1, 1));
        }
        catch (SyntaxException)
        {
            // such as a macro that stands for a piece of code
        }
    }

    // As in C, a name that is not defined is 0.
    private bool Holds(string condition, Position position) => Expression.Evaluate(
        condition,
        name => _macros.TryGetValue(name, out string? value) && Lexer.TryParse(value, out long number) ? number : 0,
        _macros.ContainsKey,
        position) != 0;

    private void Obey(string line, Position position)
    {
        (string directive, string rest) = Split(line);
        switch (directive)
        {
            case "if":
                Open(!IsActive || Holds(rest, position));
                break;
            case "ifdef":
                Open(_macros.ContainsKey(rest));
                break;
            case "ifndef":
                Open(!_macros.ContainsKey(rest));
                break;
            case "elif":
            case "else":
                Conditional last = Close(directive, position);
                bool holds = !last.HasHeld && (directive == "else" || !IsActive || Holds(rest, position));
                _conditionals.Push(new(IsActive && holds, last.HasHeld || holds));
                break;
            case "endif":
                Close(directive, position);
                break;
            case "include" when IsActive:
                Inclusions.Add(new(rest.Trim('"', '<', '>'), position, IsForC: false));
                break;
            case "define" when IsActive:
                (string name, string value) = Split(rest);
                if (name.IndexOf('(') >= 0)
                    throw new SyntaxException(position, $"#define {name}: macros with parameters are not taken; write a const");
                _macros[name] = Expanded(value);
                break;
            case "undef" when IsActive:
                _macros.Remove(rest);
                break;
            case "error" when IsActive:
                throw new SyntaxException(position, $"#error {rest}");
            case "include" or "define" or "undef" or "error" or "pragma" or "ident" or "line" or "":
                break;
            default:
                if (IsActive && !char.IsDigit(directive[0]))   // # 1 "file" is what cpp(1) leaves
                    throw new SyntaxException(position, $"#{directive} is no directive: write #if, #ifdef, #define or #include");
                break;
        }
    }

    private void Open(bool holds) => _conditionals.Push(new(IsActive && holds, holds));

    private Conditional Close(string directive, Position position) => _conditionals.Count > 0
        ? _conditionals.Pop()
        : throw new SyntaxException(position, $"#{directive} stands without an #if");

    private string WithoutComments(string line)
    {
        StringBuilder rest = new(line.Length);
        bool inString = false;
        for (int i = 0; i < line.Length; i++)
        {
            char next = i + 1 < line.Length ? line[i + 1] : '\0';
            bool isMark = !inString && (_inComment ? line[i] == '*' && next == '/' : line[i] == '/' && next == '*');
            if (isMark)
            {
                _inComment = !_inComment;
                rest.Append("  ");
                i++;
            }
            else
            {
                inString ^= line[i] == '"' && !_inComment;
                rest.Append(_inComment ? ' ' : line[i]);
            }
        }

        return rest.ToString();
    }

    private string Expanded(string line)
    {
        if (_macros.Count == 1)
            return line;
        StringBuilder expanded = new(line.Length);
        for (int i = 0; i < line.Length;)
        {
            int end = Lexer.IsWordStart(line[i]) ? Lexer.EndOfWord(line, i)
                : line[i] == '"' && line.IndexOf('"', i + 1) is int close and > 0 ? close + 1
                : i + 1;
            string word = line.Substring(i, end - i);
            expanded.Append(_macros.TryGetValue(word, out string? value) ? value : word);
            i = end;
        }

        return expanded.ToString();
    }

    private static (string First, string Others) Split(string text)
    {
        int end = text.IndexOfAny([' ', '\t']);
        return end < 0 ? (text, "") : (text.Substring(0, end), text.Substring(end).Trim());
    }

    private sealed record Conditional(bool IsActive, bool HasHeld);
}

/// <summary>A file that is named in another.</summary>
internal sealed record Inclusion(string Name, Position Position, bool IsForC);
