using System.Text;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>Reads a stream of a program to its end, so that a full pipe never stops it, and keeps what it said last.</summary>
internal sealed class OutputTail
{
    private const int MostCharacters = 500;

    // A child that the program has left behind may hold the stream open.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    private readonly StringBuilder _text = new();
    private readonly Task _reading;

    public OutputTail(StreamReader stream) => _reading = Read(stream);

    /// <summary>The last lines, once the program has ended; without the spaces around them.</summary>
    public override string ToString()
    {
        _reading.Wait(s_timeout);
        lock (_text)
            return _text.ToString().Trim();
    }

    private async Task Read(StreamReader stream)
    {
        char[] buffer = new char[MostCharacters];
        while (await stream.ReadAsync(buffer).ConfigureAwait(false) is > 0 and int count)
        {
            lock (_text)
            {
                _text.Append(buffer, 0, count);
                _text.Remove(0, Math.Max(_text.Length - MostCharacters, 0));
            }
        }
    }
}
