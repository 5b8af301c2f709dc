namespace Multiplex.Load.Reporting.Pages;

/// <summary>A page that is one file: style and script are in it, nothing is fetched, and it follows the reader's light or dark theme.</summary>
internal static class Page
{
    // The browser refuses anything from elsewhere.
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

    /// <summary>The page as text.</summary>
    /// <param name="title">The title of the window.</param>
    /// <param name="body">The content between header and footer.</param>
    public static string Of(string title, Html body) => Html.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="{Policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <title>{title}</title>
        <style>
        {Resource("page.css")}</style>
        </head>
        <body>
        {body}
        <script>
        {Resource("page.js")}</script>
        </body>
        </html>

        """).ToString();

    private static Html Resource(string name)
    {
        using Stream stream = typeof(Page).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the resource {name} was not built in");
        using StreamReader reader = new(stream);
        return Html.Trusted(reader.ReadToEnd());
    }
}
