using System.Reflection;

namespace Multiplex.Load.Reporting.Pages;

/// <summary>A page that is one file: style and script are in it, nothing is fetched, and it follows the reader's light or dark theme.</summary>
internal static class Page
{
    // The browser refuses anything from elsewhere.
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

    /// <summary>The page as text.</summary>
    /// <param name="title">The title of the window.</param>
    /// <param name="body">The content between header and footer.</param>
    public static string Of(string title, Html body) => Of(title, body, Html.None, Resource(typeof(Page).Assembly, "page.js"));

    /// <summary>The page as text, with a script of its own.</summary>
    /// <param name="title">The title of the window.</param>
    /// <param name="body">The content between header and footer.</param>
    /// <param name="style">Rules after those of every page.</param>
    /// <param name="script">The script.</param>
    internal static string Of(string title, Html body, Html style, Html script) => Html.Of($"""
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
        {Resource(typeof(Page).Assembly, "page.css")}{style}</style>
        </head>
        <body>
        {body}
        <script>
        {script}</script>
        </body>
        </html>

        """).ToString();

    /// <summary>A style or a script that is built into an assembly.</summary>
    internal static Html Resource(Assembly assembly, string name)
    {
        using Stream stream = assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the resource {name} was not built in");
        using StreamReader reader = new(stream);
        return Html.Trusted(reader.ReadToEnd());
    }
}
