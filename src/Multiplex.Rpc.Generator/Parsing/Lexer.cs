using System.Globalization;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>Splits what the preprocessor leaves into words.</summary>
internal static class Lexer
{
    private const string Punctuation = "{}()[]<>;:,=*";

    /// <exception cref="SyntaxException">There is a character that begins no word.</exception>
    public static List<Token> Split(string file, string text)
    {
        List<Token> tokens = [];
        int line = 1, lineStart = 0, i = 0;
        while (i < text.Length)
        {
            char c = text[i];
            Position position = new(file, line, i - lineStart + 1);
            if (c == '\n')
            {
                line++;
                lineStart = ++i;
            }
            else if (char.IsWhiteSpace(c))
            {
                i++;
            }
            else if (IsWordStart(c))
            {
                int end = EndOfWord(text, i);
                tokens.Add(new(TokenKind.Identifier, text.Substring(i, end - i), position));
                i = end;
            }
            else if (char.IsDigit(c) || (c == '-' && i + 1 < text.Length && char.IsDigit(text[i + 1])))
            {
                int end = EndOfWord(text, i + 1);
                string number = text.Substring(i, end - i);
                if (!TryParse(number, out _))
                    throw new SyntaxException(position, $"'{number}' is no number: write it in decimal, 0x hexadecimal or 0 octal");
                tokens.Add(new(TokenKind.Number, number, position));
                i = end;
            }
            else if (c == '"')
            {
                int end = text.IndexOf('"', i + 1);
                if (end < 0 || text.IndexOf('\n', i, end - i) >= 0)
                    throw new SyntaxException(position, "a string is not closed by '\"' on its line");
                tokens.Add(new(TokenKind.Text, text.Substring(i + 1, end - i - 1), position));
                i = end + 1;
            }
            else if (Punctuation.IndexOf(c) >= 0)
            {
                tokens.Add(new(TokenKind.Punctuation, c.ToString(), position));
                i++;
            }
            else
            {
                throw new SyntaxException(position, $"'{c}' has no meaning here; comments are written /* so */");
            }
        }

        tokens.Add(new(TokenKind.End, "", new(file, line, text.Length - lineStart + 1)));
        return tokens;
    }

    public static bool IsWordStart(char c) => c == '_' || (c < 128 && char.IsLetter(c));

    public static int EndOfWord(string text, int start)
    {
        int end = start;
        while (end < text.Length && (IsWordStart(text[end]) || char.IsDigit(text[end])))
            end++;
        return end;
    }

    /// <summary>Reads a number as C does: 0x is hexadecimal, 0 octal.</summary>
    public static bool TryParse(string text, out long value)
    {
        bool isNegative = text.StartsWith("-", StringComparison.Ordinal);
        string digits = isNegative ? text.Substring(1) : text;
        value = 0;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            if (!ulong.TryParse(digits.Substring(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits))
                return false;
            value = unchecked((long)bits);
        }
        else if (digits.Length > 1 && digits[0] == '0')
        {
            foreach (char digit in digits)
            {
                if (digit is < '0' or > '7' || value >> 60 != 0)
                    return false;
                value = (value * 8) + (digit - '0');
            }
        }
        else if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            return false;
        }

        if (isNegative)
            value = -value;
        return true;
    }
}
