using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Output;

/// <summary>A line on standard error that changes in place and leaves nothing behind; nothing at all where standard error is no terminal.</summary>
internal sealed class StatusLine : IDisposable
{
    private const string Erase = "\r\e[K";
    private const string Between = "   ";

    private readonly bool _isShown = Terminal.WidthOf(STDERR_FILENO) is not null && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    /// <summary>Shows as many of these as fit on the line, so that nothing wraps and no number is cut.</summary>
    public void Show(params ReadOnlySpan<string> parts)
    {
        if (!_isShown)
            return;
        int room = (Terminal.WidthOf(STDERR_FILENO) ?? Terminal.UsualWidth) - 1;
        string line = "";
        foreach (string part in parts)
        {
            string longer = line.Length == 0 ? part : line + Between + part;
            if (longer.Length > room)
                break;
            line = longer;
        }

        Write(Erase + line);
    }

    /// <summary>Clears the line, so that other text can be written.</summary>
    public void Clear()
    {
        if (_isShown)
            Write(Erase);
    }

    public void Dispose() => Clear();

    // An error of a closed terminal is ignored: the work goes on.
    private static void Write(string text) => write(STDERR_FILENO, System.Text.Encoding.UTF8.GetBytes(text));
}
