using System.Text;

namespace Multiplex.Load.Comparison;

/// <summary>Reads a stream of a program to its end, so that a full pipe never stops it, and keeps what it said last.</summary>
internal sealed class LastWords
{
    private const int MostCharacters = 500;

    // A child that the program has left behind may hold the stream open.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly StringBuilder _text = new();
    private readonly Task _reading;

    public LastWords(StreamReader stream) => _reading = Read(stream);

    /// <summary>The last lines, once the program has ended; without the spaces around them.</summary>
    public override string ToString()
    {
        _reading.Wait(s_patience);
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
