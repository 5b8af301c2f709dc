using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>The words of a file, with one to look ahead at.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    private int _next;

    public Token Current => tokens[_next];

    public Token Following => tokens[_next < tokens.Count - 1 ? _next + 1 : _next];

    public Position Position => Current.Position;

    public Token Take()
    {
        Token token = Current;
        if (token.Kind != TokenKind.End)
            _next++;
        return token;
    }

    /// <summary>Whether this word comes next.</summary>
    public bool Is(string word) => Current.Text == word && Current.Kind is TokenKind.Identifier or TokenKind.Punctuation;

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
    public Token ExpectName(string of) => Current.Kind == TokenKind.Identifier && !Keywords.Contains(Current.Text)
        ? Take()
        : throw Unexpected($"the name {of}");

    /// <summary>Takes a number, or the name of one.</summary>
    /// <param name="of">What it is.</param>
    /// <exception cref="SyntaxException">Another word comes next.</exception>
    public Constant ExpectConstant(string of)
    {
        if (Current.Kind == TokenKind.Number)
        {
            Token number = Take();
            return new(number.Text, number.Position, Lexer.TryParse(number.Text, out long value) ? value : null);
        }

        if (Current.Kind != TokenKind.Identifier || Keywords.Contains(Current.Text))
            throw Unexpected($"{of}, a number or the name of a constant");
        Token name = Take();
        return new(name.Text, name.Position);
    }

    public SyntaxException Unexpected(string expected) => new(Position, $"expected {expected}, found {Current}");
}
