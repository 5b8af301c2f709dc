namespace Multiplex.Cli.Output;

/// <summary>
/// Text from a server, safe to print: a character that would move a terminal's cursor, change its colours or the direction of the text is
/// written as an escape.
/// </summary>
internal static class Printable
{
    /// <summary>The text with each control character as \n, \r, \t, \xNN or \uNNNN.</summary>
    public static string Of(string text) => text.Any(IsControl) ? string.Concat(text.Select(Escape)) : text;

    // C0, DEL and C1; and the embeddings, overrides and isolates of bidirectional text.
    private static bool IsControl(char one) => char.IsControl(one) || one is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');

    private static string Escape(char one) => one switch
    {
        _ when !IsControl(one) => $"{one}",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        <= '\u00FF' => $"\\x{(int)one:x2}",
        _ => $"\\u{(int)one:x4}",
    };
}
