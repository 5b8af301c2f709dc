using System.Globalization;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>Splits a line into words: those of the RPC language, and the operators of the C preprocessor.</summary>
internal static class Lexer
{
    private static readonly string[] s_operators = ["&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "##", "::"];

    /// <summary>Appends the words of a line.</summary>
    /// <param name="text">The line, without comments.</param>
    /// <param name="start">Where its first character stands.</param>
    /// <param name="words">Takes the words.</param>
    /// <exception cref="SyntaxException">A string is not closed.</exception>
    public static void Split(string text, Position start, List<Token> words)
    {
        for (int i = 0, end; i < text.Length; i = end)
        {
            Position position = start with { Column = start.Column + i };
            char c = text[i];
            end = i + 1;
            if (char.IsWhiteSpace(c) || c == '\x1a')   // the end of a file, to DOS
                continue;
            if (IsWordStart(c))
                words.Add(new(TokenKind.Identifier, Part(text, i, end = EndOfWord(text, i)), position));
            else if (char.IsDigit(c))
                words.Add(new(TokenKind.Number, Part(text, i, end = EndOfWord(text, i)), position));
            else if (c is '"' or '\'')
                words.Add(new(c == '"' ? TokenKind.Text : TokenKind.Character, Quoted(text, i, position, ref end), position));
            else
                words.Add(new(TokenKind.Punctuation, Part(text, i, end += IsOperator(text, i) ? 1 : 0), position));
        }
    }

    public static bool IsWordStart(char c) => c == '_' || (c < 128 && char.IsLetter(c));

    public static int EndOfWord(string text, int start)
    {
        int end = start;
        while (end < text.Length && (IsWordStart(text[end]) || char.IsDigit(text[end])))
            end++;
        return end;
    }

    /// <summary>Reads a number without a sign as C does: 0x is hexadecimal, 0 octal.</summary>
    public static bool TryParse(string digits, out decimal value)
    {
        bool isParsed;
        ulong bits = 0;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            isParsed = ulong.TryParse(digits.Substring(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bits);
        else if (digits.Length > 1 && digits[0] == '0')
            isParsed = TryParseOctal(digits, out bits);
        else
            isParsed = ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out bits);
        value = bits;
        return isParsed;
    }

    private static bool TryParseOctal(string digits, out ulong value)
    {
        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value >> 61 != 0)
                return false;
            value = (value * 8) + (ulong)(digit - '0');
        }

        return true;
    }

    private static string Quoted(string text, int start, Position position, ref int end)
    {
        char quote = text[start];
        while (end < text.Length && text[end] != quote)
            end += text[end] == '\\' && end + 1 < text.Length ? 2 : 1;
        if (end >= text.Length)
            throw new SyntaxException(position, $"a string is not closed by '{quote}' on its line");
        return Part(text, start + 1, end++);
    }

    private static bool IsOperator(string text, int start) =>
        start + 1 < text.Length && Array.IndexOf(s_operators, text.Substring(start, 2)) >= 0;

    private static string Part(string text, int start, int end) => text.Substring(start, end - start);
}
