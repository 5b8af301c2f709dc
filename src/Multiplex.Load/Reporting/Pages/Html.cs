using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Multiplex.Load.Reporting.Pages;

/// <summary>
/// A piece of HTML or of SVG, made by interpolation: values in braces are escaped unless they are such pieces, so
/// that a name chosen by a user cannot become markup.
/// </summary>
internal sealed class Html
{
    private readonly string _markup;

    private Html(string markup) => _markup = markup;

    /// <summary>The empty piece.</summary>
    public static Html None { get; } = new("");

    /// <summary>The piece that an interpolated string describes.</summary>
    public static Html Of(Builder piece) => new(piece.Markup);

    /// <summary>Several pieces in a row.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces));

    /// <summary>The markup.</summary>
    public override string ToString() => _markup;

    /// <summary>Text that is markup: only for the project's own constants.</summary>
    internal static Html Trusted(string markup) => new(markup);

    /// <summary>Takes the parts of an interpolated string. Numbers are written as CSS and SVG want them.</summary>
    /// <param name="literalLength">Characters outside of braces.</param>
    /// <param name="formattedCount">Pairs of braces.</param>
    [InterpolatedStringHandler]
    public readonly struct Builder(int literalLength, int formattedCount)
    {
        private const int UsualLength = 16;

        private readonly StringBuilder _text = new(literalLength + (UsualLength * formattedCount));

        internal string Markup => _text.ToString();

        /// <summary>Markup as it was written.</summary>
        public void AppendLiteral(string literal) => _text.Append(literal);

        /// <summary>A piece.</summary>
        public void AppendFormatted(Html? piece) => _text.Append(piece?._markup);

        /// <summary>Pieces in a row.</summary>
        public void AppendFormatted(IEnumerable<Html> pieces) => _text.AppendJoin("", pieces);

        /// <summary>Text, escaped for content and for attributes in quotes.</summary>
        public void AppendFormatted(string? text) => _text.Append(WebUtility.HtmlEncode(text));

        /// <summary>A whole number.</summary>
        public void AppendFormatted(int number, string format = "0") => AppendFormatted((double)number, format);

        /// <summary>A number.</summary>
        public void AppendFormatted(double number, string format = "0.##") =>
            _text.Append(WebUtility.HtmlEncode(number.ToString(format, CultureInfo.InvariantCulture)));
    }
}
