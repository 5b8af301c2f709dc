using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>The words of a file, with one to look ahead at.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    private static readonly HashSet<string> s_definitions = ["const", "enum", "struct", "union", "typedef", "program", "namespace"];

    private int _next;

    public Token Current => tokens[_next];

    public Token Following => tokens[_next < tokens.Count - 1 ? _next + 1 : _next];

    /// <summary>Whether a name and a body follow.</summary>
    public bool HasBody => _next + 2 < tokens.Count && (tokens[_next + 2].Is("{") || tokens[_next + 2].Is("switch"));

    public Position Position => Current.Position;

    /// <summary>How many words were taken.</summary>
    public int Taken => _next;

    public Token Take()
    {
        Token token = Current;
        if (token.Kind != TokenKind.End)
            _next++;
        return token;
    }

    /// <summary>Whether this word comes next.</summary>
    public bool Is(string word) => Current.Is(word);

    /// <summary>Takes this word, if it comes next.</summary>
    public bool TryTake(string word)
    {
        bool isNext = Is(word);
        if (isNext)
            Take();
        return isNext;
    }

    /// <summary>Takes this word.</summary>
    /// <param name="word">The word.</param>
    /// <param name="where">Where it belongs, such as "after the members of a struct".</param>
    /// <exception cref="SyntaxException">Another word comes next.</exception>
    public void Expect(string word, string where)
    {
        if (!TryTake(word))
            throw Unexpected($"'{word}' {where}");
    }

    /// <summary>Takes a name.</summary>
    /// <param name="of">What is named, such as "of a struct".</param>
    /// <exception cref="SyntaxException">Another word comes next.</exception>
    public Token ExpectName(string of) => Current.Kind == TokenKind.Identifier && (!Keywords.Contains(Current.Text) || Current.Text is "program" or "version")
        ? Take()   // those two are words of RPC alone: files of XDR alone name members so
        : throw Unexpected($"the name {of}");

    /// <summary>Takes a number, or the name of one; brackets around it are C's.</summary>
    /// <param name="of">What it is.</param>
    /// <exception cref="SyntaxException">Another word comes next.</exception>
    public Constant ExpectConstant(string of)
    {
        if (TryTake("("))
        {
            Constant inner = ExpectConstant(of);
            Expect(")", $"after {of}");
            return inner;
        }

        Token first = Current;
        bool isNegative = first.Is("-") && Following.Kind == TokenKind.Number;
        if (isNegative)
            Take();
        if (Current.Kind == TokenKind.Number)
        {
            string digits = Take().Text;
            if (!Lexer.TryParse(digits, out decimal value))
                throw new SyntaxException(first.Position, $"'{digits}' is no number: write it in decimal, 0x hexadecimal or 0 octal, of at most 64 bits");
            return new(isNegative ? "-" + digits : digits, first.Position, isNegative ? -value : value);
        }

        if (first.Kind == TokenKind.Character && Expression.CharacterOf(first.Text) is { } character)
        {
            Take();
            return new($"'{first.Text}'", first.Position, character);
        }

        if (first.Kind != TokenKind.Identifier || Keywords.Contains(first.Text))
            throw Unexpected($"{of}, a number or the name of a constant");
        Take();
        return new(first.Text, first.Position);
    }

    /// <summary>
    /// Goes on after a mistake within a body: behind the next separator, or to the end of the body. False when that comes first which
    /// begins a definition, as the body is not closed then.
    /// </summary>
    public bool SkipToNextPart(string separator)
    {
        for (int depth = 0; Current.Kind != TokenKind.End && !BeginsDefinition(); Take())
        {
            if (depth == 0 && Is("}"))
                return true;
            if (depth == 0 && TryTake(separator))
                return true;
            depth += Is("{") ? 1 : Is("}") ? -1 : 0;
        }

        return false;
    }

    /// <summary>Goes on after a mistake in a definition, which began so many words after the first: to where the next one begins.</summary>
    /// <param name="start">How many.</param>
    /// <param name="isWithin">Whether it stands in a namespace, whose } is not its own.</param>
    public void SkipDefinition(int start, bool isWithin)
    {
        int mistake = Math.Max(_next, start + 1), depth = 0;
        for (_next = start; Current.Kind != TokenKind.End; Take())
        {
            if (_next >= mistake && BeginsDefinition())
                return;
            depth += Is("{") ? 1 : Is("}") ? -1 : 0;
            bool mayEnd = _next + 1 >= mistake && depth <= 0 && Is(";");
            if (mayEnd && (isWithin || !Following.Is("}")))
            {
                Take();
                return;
            }
        }
    }

    public SyntaxException Unexpected(string expected) => new(Position, $"expected {expected}, found {Current}");

    /// <summary>Whether a definition begins here: seldom does one stand within another, and then not at the start of a line.</summary>
    public bool BeginsDefinition() => Current.Kind == TokenKind.Identifier && Position.Column == 1 && s_definitions.Contains(Current.Text);
}
