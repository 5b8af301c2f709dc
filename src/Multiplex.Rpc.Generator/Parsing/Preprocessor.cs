using System.Text;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>
/// What rpcgen leaves to the C preprocessor, and what it does with its own lines: drops comments and the lines that begin with %,
/// follows #if, #define and #include. A .x file that is included gives its macros; its types are those of a file of its own
/// (<see cref="Inclusions"/>). The words of any other file stand in the place of its #include.
/// </summary>
internal sealed class Preprocessor
{
    private const int MaxDepth = 200;   // of #include, as in gcc

    // Types and programs stand in rpcgen's header. The others are what cpp(1) defines on the system that this is for.
    private static readonly string[] s_predefined = ["RPC_HDR", "__STDC__", "__linux__", "__unix__", "__LP64__"];

    private readonly Func<string, XFile?> _find;
    private readonly ProblemList _problems;
    private readonly Macros _macros = new(), _macrosForC = new();
    private readonly List<Token> _line = [], _pending = [];
    private readonly Stack<Conditional> _conditionals = new();
    private readonly Stack<string> _macroFiles = new();   // .x files that are read for their macros now
    private string _file = "";
    private int _depth;
    private bool _inComment;

    private Preprocessor(Func<string, XFile?> find, ProblemList problems) => (_find, _problems) = (find, problems);

    /// <summary>The file's words, without what the language itself does not know.</summary>
    public List<Token> Words { get; } = [];

    /// <summary>The files named by #include, and by %#include: those only C needs to have.</summary>
    public List<Inclusion> Inclusions { get; } = [];

    /// <summary>Numbers from %#define lines.</summary>
    public Dictionary<string, decimal> DefinesForC { get; } = [];

    /// <summary>Reads a file; mistakes are reported, and what they stand in is left out.</summary>
    /// <param name="file">The file.</param>
    /// <param name="find">Finds a file by the name that #include gives it; null when there is none.</param>
    /// <param name="problems">Takes what is wrong.</param>
    public static Preprocessor Run(XFile file, Func<string, XFile?> find, ProblemList problems)
    {
        Preprocessor preprocessor = new(find, problems);
        foreach (string definition in s_predefined.Concat(file.Definitions))
        {
            if (definition.Trim().Length > 0)
                preprocessor.Try(() => preprocessor._macros.Define(definition.Trim(), new(file.Path, 1, 1)));
        }

        Position end = preprocessor.Read(file);
        preprocessor.Words.Add(new(TokenKind.End, "", end));
        preprocessor.EvaluateForC();
        return preprocessor;
    }

    private bool IsActive => _conditionals.Count == 0 || _conditionals.Peek().IsActive;

    private bool IsForMacros => _macroFiles.Count > 0;

    private Position Read(XFile file)
    {
        string outer = _file;
        int open = _conditionals.Count;
        _file = file.Path;
        string[] lines = file.Text.Replace("\r\n", "\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            Position position = new(_file, i + 1, 1);
            string line = lines[i];
            while (line.EndsWith("\\", StringComparison.Ordinal) && i + 1 < lines.Length)
                line = line.Substring(0, line.Length - 1) + lines[++i];
            Try(() => Take(line, position));
        }

        Try(Flush);
        Position end = new(_file, lines.Length, 1);
        if (_inComment)
            Report(end, "a comment is not closed by '*/'");
        _inComment = false;
        for (; _conditionals.Count > open; _conditionals.Pop())
            Report(end, "an #if is not closed by #endif");
        _file = outer;
        return end;
    }

    private void Take(string line, Position position)
    {
        if (!_inComment && line.TrimStart().StartsWith("%", StringComparison.Ordinal))
        {
            if (IsActive)
                TakeForC(line.TrimStart().Substring(1).Trim(), position);
            return;
        }

        bool wasComment = _inComment;
        string rest = WithoutComments(line);
        if (!wasComment && rest.TrimStart().StartsWith("#", StringComparison.Ordinal))
        {
            Flush();   // what stands before it knows only the macros that there were
            Obey(rest.TrimStart().Substring(1).Trim(), position);
        }
        else if (IsActive)
        {
            Lexer.Split(rest, position, _pending);
        }
    }

    private void Flush()
    {
        if (!IsForMacros)
            Words.AddRange(_macros.Expand(_pending));
        _pending.Clear();
    }

    private void TakeForC(string line, Position position)
    {
        if (!line.StartsWith("#", StringComparison.Ordinal))
            return;
        (string directive, string what) = Split(line.Substring(1).Trim());
        if (directive == "include")
            Include(what, position, isForC: true);
        else if (directive == "define")
            DefineForC(WithoutComments(what), position);
        _inComment = false;   // a comment on such a line is C's
    }

    // Only numbers are of use here: whatever else C is given is none of this language's business.
    private void DefineForC(string definition, Position position)
    {
        try
        {
            _macrosForC.Define(Words(definition, position), position);
        }
        catch (SyntaxException)
        {
            // such as a macro of several lines that each begin with %
        }

        static List<Token> Words(string text, Position position)
        {
            List<Token> words = [];
            Lexer.Split(text, position, words);
            return words;
        }
    }

    private void EvaluateForC()
    {
        foreach (string name in _macrosForC.Plain)
        {
            Position position = new(_file, 1, 1);
            try
            {
                List<Token> words = _macros.Expand(_macrosForC.Expand([new(TokenKind.Identifier, name, position)]));
                DefinesForC[name] = Expression.Evaluate(words, _ => false, position);
            }
            catch (SyntaxException)
            {
                // such as a macro that stands for a piece of code
            }
        }
    }

    // As in C, a name that is not defined is 0; what stands after 'defined' is not expanded.
    private bool Holds(string condition, Position position)
    {
        _line.Clear();
        Lexer.Split(condition, position, _line);
        List<Token> words = [];
        for (int i = 0; i < _line.Count; i++)
        {
            if (!_line[i].Is("defined"))
            {
                words.Add(_line[i]);
                continue;
            }

            bool isBracketed = i + 3 < _line.Count && _line[i + 1].Is("(") && _line[i + 3].Is(")");
            int name = isBracketed ? i + 2 : i + 1;
            if (name >= _line.Count || _line[name].Kind != TokenKind.Identifier)
                throw new SyntaxException(position, "the expression cannot be understood: write defined(NAME)");
            words.Add(new(TokenKind.Number, _macros.IsDefined(_line[name].Text) ? "1" : "0", position));
            i = isBracketed ? i + 3 : i + 1;
        }

        return Expression.Evaluate(_macros.Expand(words), _ => true, position) != 0;
    }

    private void Obey(string line, Position position)
    {
        (string directive, string rest) = Split(line);
        switch (directive)
        {
            case "if":
                Open(() => Holds(rest, position));
                break;
            case "ifdef":
                Open(() => _macros.IsDefined(Name(rest)));
                break;
            case "ifndef":
                Open(() => !_macros.IsDefined(Name(rest)));
                break;
            case "elif":
                Reopen(directive, position, () => Holds(rest, position));
                break;
            case "elifdef":
                Reopen(directive, position, () => _macros.IsDefined(Name(rest)));
                break;
            case "elifndef":
                Reopen(directive, position, () => !_macros.IsDefined(Name(rest)));
                break;
            case "else":
                Reopen(directive, position, () => true);
                break;
            case "endif":
                Close(directive, position);
                break;
            case "include" when IsActive:
                Include(rest, position, isForC: false);
                break;
            case "define" when IsActive:
                _line.Clear();
                Lexer.Split(rest, position, _line);
                _macros.Define(_line, position);
                break;
            case "undef" when IsActive:
                _macros.Undefine(Name(rest));
                break;
            case "error" when IsActive:
                throw new SyntaxException(position, $"#error {rest}");
            case "include" or "define" or "undef" or "error" or "warning" or "pragma" or "ident" or "sccs" or "line" or "":
                break;
            default:
                if (IsActive && !char.IsDigit(directive[0]))   // # 1 "file" is what cpp(1) leaves
                    throw new SyntaxException(position, $"#{directive} is no directive: write #if, #ifdef, #define or #include");
                break;
        }
    }

    private void Open(Func<bool> condition)
    {
        bool isActive = IsActive;
        _conditionals.Push(new(IsActive: false, HasHeld: false, isActive));
        if (isActive && condition())
            _conditionals.Push(_conditionals.Pop() with { IsActive = true, HasHeld = true });
    }

    private void Reopen(string directive, Position position, Func<bool> condition)
    {
        Conditional last = Close(directive, position) with { IsActive = false };
        _conditionals.Push(last);
        if (last.IsWithinActive && !last.HasHeld && condition())
            _conditionals.Push(_conditionals.Pop() with { IsActive = true, HasHeld = true });
    }

    private Conditional Close(string directive, Position position) => _conditionals.Count > 0
        ? _conditionals.Pop()
        : throw new SyntaxException(position, $"#{directive} stands without an #if");

    private void Include(string what, Position position, bool isForC)
    {
        bool isOfSystem = what.StartsWith("<", StringComparison.Ordinal);
        string name = isOfSystem ? what.Substring(1).Split('>')[0] : what.Trim('"').Split('"')[0];

        // To C, what x.x defines is in x.h. A header of the system is not read: what RPC's give is known.
        string asX = Path.ChangeExtension(name, ".x");
        XFile? file = isForC || (isOfSystem && name != asX) ? Find(asX) : Find(name) ?? Find(asX);
        if (file is null)
        {
            if (!isForC && !isOfSystem)
                _problems.Report(ProblemKind.Unknown, position, $"'{name}' is not among the files: give it as AdditionalFiles, or put it beside this one");
            return;
        }

        bool isX = file.Path.EndsWith(".x", StringComparison.Ordinal);
        if (isX && !IsForMacros)
            Inclusions.Add(new(file));
        if (isForC || _macroFiles.Contains(file.Path))
            return;
        if (_depth == MaxDepth)
            throw new SyntaxException(position, $"files are included more than {MaxDepth} deep");
        _depth++;
        if (isX)
            _macroFiles.Push(file.Path);
        Read(file);
        if (isX)
            _macroFiles.Pop();
        _depth--;
    }

    // By its name as it is written, or without folders.
    private XFile? Find(string name) => _find(name) ?? _find(Path.GetFileName(name));

    private string WithoutComments(string line)
    {
        StringBuilder rest = new(line.Length);
        char quote = '\0';
        for (int i = 0; i < line.Length; i++)
        {
            char next = i + 1 < line.Length ? line[i + 1] : '\0';
            if (quote == '\0' && !_inComment && line[i] == '/' && next == '/')
                break;
            bool isMark = quote == '\0' && (_inComment ? line[i] == '*' && next == '/' : line[i] == '/' && next == '*');
            if (isMark)
            {
                _inComment = !_inComment;
                rest.Append("  ");
                i++;
            }
            else
            {
                if (!_inComment && line[i] == '"')
                    quote = quote == '\0' ? '"' : '\0';
                rest.Append(_inComment ? ' ' : line[i]);
            }
        }

        return rest.ToString();
    }

    // What is wrong in a .x file that is read for its macros is reported where its types are read.
    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (SyntaxException e)
        {
            Report(e.Position, e.Message);
        }
    }

    private void Report(Position position, string message)
    {
        if (!IsForMacros)
            _problems.Report(ProblemKind.Syntax, position, message);
    }

    private static string Name(string text) => text.Substring(0, Lexer.EndOfWord(text, 0));

    private static (string First, string Others) Split(string text)
    {
        int end = Lexer.EndOfWord(text, 0);
        return (text.Substring(0, end), text.Substring(end).Trim());
    }

    private sealed record Conditional(bool IsActive, bool HasHeld, bool IsWithinActive);
}

/// <summary>A .x file that is named in another.</summary>
internal sealed record Inclusion(XFile File);
