using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

internal enum TokenKind
{
    Identifier,
    Number,
    Text,
    Punctuation,
    End,
}

/// <summary>A word of the RPC language.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, Position Position)
{
    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end of the file",
        TokenKind.Text => $"\"{Text}\"",
        _ => $"'{Text}'",
    };
}
