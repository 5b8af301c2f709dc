using System.Globalization;
using System.Text.RegularExpressions;

namespace Multiplex.Tracing.Parsing;

/// <summary>A descriptor as strace -yy shows it: <c>11&lt;TCP:[127.0.0.1:4000-&gt;127.0.0.1:51234]&gt;</c>.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Kind">TCP, TCPv6, UNIX-STREAM, anon_inode and the like; or empty: a file.</param>
/// <param name="Text">What stands in the brackets; of a file, its path.</param>
public readonly record struct Descriptor(int Number, string Kind, string Text)
{
    private const string Arrow = "->";

    /// <summary>Whether it is a socket of TCP.</summary>
    public bool IsTcp => Kind is "TCP" or "TCPv6";

    /// <summary>Whether both ends are known: a connection, not a listener.</summary>
    public bool IsConnected => IsTcp && Text.Contains(Arrow, StringComparison.Ordinal);

    /// <summary>A TCP socket that has an address and no peer.</summary>
    public bool IsListener => IsTcp && !IsConnected && Text.Contains(':', StringComparison.Ordinal);

    /// <summary>The address and port of this end.</summary>
    public string Local => Text.Split(Arrow)[0];

    /// <summary>Those of the other end.</summary>
    public string Remote => IsConnected ? Text.Split(Arrow)[1] : "";
}

/// <summary>Finds descriptors in the arguments and the results of calls.</summary>
public static partial class Descriptors
{
    /// <summary>All of them, in their order.</summary>
    public static IEnumerable<Descriptor> In(string text) =>
        from match in Annotated().Matches(WithoutStrings().Replace(text, "\"\"")).AsEnumerable()
        select Of(match);

    /// <summary>The one that the arguments begin with, or a result is; null when there is none.</summary>
    public static Descriptor? First(string text) => Annotated().Match(text) is { Success: true, Index: 0 } match ? Of(match) : null;

    /// <summary>The text without what strace says of each descriptor: numbers alone.</summary>
    public static string Numbers(string text) => Annotated().Replace(WithoutStrings().Replace(text, "\"\""), "${number}");

    private static Descriptor Of(Match match) =>
        new(int.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture), match.Groups["kind"].Value, match.Groups["text"].Value);

    [GeneratedRegex(@"(?<![\w.])(?<number>\d+)<((?<kind>[A-Za-z][\w-]*):\[(?<text>.*?)\]|(?<text>[^>]*))>")]
    private static partial Regex Annotated();

    [GeneratedRegex("""
        "(\\.|[^"\\])*"
        """)]
    private static partial Regex WithoutStrings();
}
