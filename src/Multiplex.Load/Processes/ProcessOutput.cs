using System.Diagnostics;
using System.Text;

namespace Multiplex.Load.Processes;

/// <summary>Reads a stream of a process to its end, and keeps its last part.</summary>
internal sealed class ProcessOutput
{
    private const int MostCharacters = 1 << 20;
    private const int TailCharacters = 500;

    private readonly StringBuilder _text = new();   // also the lock for it
    private bool _hasEnded;

    public ProcessOutput(StreamReader stream) => Reading = Read(stream);

    /// <summary>Ends with the stream.</summary>
    public Task Reading { get; }

    public bool HasEnded
    {
        get
        {
            lock (_text)
                return _hasEnded;
        }
    }

    /// <summary>Whole lines; once the stream has ended, also a last line without a line feed.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            string text = Text;
            string whole = HasEnded ? text : text[..(text.LastIndexOf('\n') + 1)];
            return whole.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    /// <summary>At most the last 500 characters, without the spaces around them.</summary>
    public string Tail
    {
        get
        {
            string text = Text;
            return text[Math.Max(text.Length - TailCharacters, 0)..].Trim();
        }
    }

    private string Text
    {
        get
        {
            lock (_text)
                return _text.ToString();
        }
    }

    /// <summary>Waits until a condition on the lines holds, or the stream ends.</summary>
    /// <returns>Whether it holds.</returns>
    public bool Await(Func<IReadOnlyList<string>, bool> condition, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_text)
        {
            while (!condition(Lines))
            {
                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
                if (_hasEnded || left <= TimeSpan.Zero)
                    return false;
                Monitor.Wait(_text, left);
            }

            return true;
        }
    }

    private async Task Read(StreamReader stream)
    {
        char[] buffer = new char[4096];
        int count;
        do
        {
            count = await stream.ReadAsync(buffer).ConfigureAwait(false);
            lock (_text)
            {
                _text.Append(buffer, 0, count);
                _text.Remove(0, Math.Max(_text.Length - MostCharacters, 0));
                _hasEnded = count == 0;
                Monitor.PulseAll(_text);
            }
        }
        while (count > 0);
        stream.Dispose();
    }
}
