using System.Text.RegularExpressions;

namespace Multiplex.Manual;

/// <summary>Text of the option tables as roff of man(7).</summary>
internal static partial class Roff
{
    /// <summary>Prose: options are bold, and each sentence is on its own line.</summary>
    public static string Prose(string text) =>
        string.Join('\n', SentenceEnd().Split(text).Select(sentence => Option().Replace(Escape(sentence), option => Bold(option.Value))).Select(Line));

    /// <summary>A form to write: what stands for a value is italic, all else that is letters bold.</summary>
    public static string Form(string form) => Line(Placeholder().Replace(Literal().Replace(Escape(form), word => Bold(word.Value)), @"\fI$0\fR"));

    /// <summary>What is written as it stands, such as a command.</summary>
    public static string Verbatim(string text) => Line(Escape(text).Replace("-", @"\-").Replace("'", @"\(aq"));

    /// <summary>A word in bold, with hyphens that can be copied into a command.</summary>
    public static string Bold(string word) => $@"\fB{word.Replace("-", @"\-")}\fR";

    /// <summary>A line of text: one that begins with a point or an apostrophe would be a request.</summary>
    public static string Line(string text) => text is ['.' or '\'', ..] ? @"\&" + text : text;

    private static string Escape(string text) => text.Replace(@"\", @"\e").Replace("…", @"\|.\|.\|.");

    [GeneratedRegex(@"(?<=\S\S[.]) (?=[A-Z0-9])")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex("--[a-z][a-z-]*")]
    private static partial Regex Option();

    [GeneratedRegex(@"(?<![\\\w])(--)?[a-z][a-z-]*(?![\w])")]
    private static partial Regex Literal();

    [GeneratedRegex(@"(?<![-\w\\])[A-Z]{2,}(\.x)?\b|(?<![-\w\\])N\b")]
    private static partial Regex Placeholder();
}
