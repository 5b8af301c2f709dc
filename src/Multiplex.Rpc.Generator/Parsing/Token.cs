using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

internal enum TokenKind
{
    Identifier,
    Number,
    Text,
    Character,
    Punctuation,
    End,
}

/// <summary>A word of the RPC language or of the C preprocessor. Of a string or a character: what stands between the quotes.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, Position Position)
{
    public bool Is(string word) => Text == word && Kind is TokenKind.Identifier or TokenKind.Punctuation;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end of the file",
        TokenKind.Text => $"\"{Text}\"",
        _ => $"'{Text}'",
    };
}
