using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Logs;

/// <summary>
/// Where an access log is written. No thread that serves waits for it: a thread of its own writes, and what has no room in 256 KiB meanwhile is dropped and counted. A process that was forked
/// has no further thread: it writes each line itself, if there is room for it now. The file is opened to be appended to, so that each line stays whole, and so that it may be cut to nothing
/// by copytruncate of logrotate(8).
/// </summary>
internal sealed class AccessLogFile
{
    private const int Room = 256 * 1024;
    private const uint Mode = 0x1A0;   // rw-r-----

    private static readonly TimeSpan s_longestFlush = TimeSpan.FromSeconds(1);

    private readonly int _descriptor;
    private readonly ServerCounters _counters;
    private readonly Counter _dropped = ServerCounters.Register("AccessLogDropped", new("access_log_dropped_total", "Lines of the access log that were dropped, because they were not written fast enough."));
    private readonly object _gate = new();
    private readonly bool _forks;
    private byte[] _filling = [], _writing = [];
    private int _length;
    private bool _isIdle;

    /// <summary>Opens it.</summary>
    /// <param name="path">The file; - is standard error.</param>
    /// <param name="forks">Whether the server forks. If not, a thread is started.</param>
    /// <param name="counters">Where lines that are dropped are counted.</param>
    /// <exception cref="SyscallException">The file cannot be opened.</exception>
    public AccessLogFile(string path, bool forks, ServerCounters counters)
    {
        _descriptor = path == "-" ? STDERR_FILENO : open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, Mode).OrThrow("open", path);
        (_forks, _counters) = (forks, counters);
        if (forks)
            return;
        (_filling, _writing) = (new byte[Room], new byte[Room]);
        new Thread(Work) { IsBackground = true, Name = "access log" }.Start();
    }

    /// <summary>Takes a line.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        if (_forks)
        {
            if (!HasRoom(0) || write(_descriptor, line).Value != line.Length)
                _counters.Increment(_dropped);
            return;
        }

        lock (_gate)
        {
            if (line.Length > Room - _length)
            {
                _counters.Increment(_dropped);
                return;
            }

            line.CopyTo(_filling.AsSpan(_length));
            _length += line.Length;
            if (_isIdle)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>The server ends: waits until all lines are written, but not for long.</summary>
    public void Flush()
    {
        long until = Environment.TickCount64 + (long)s_longestFlush.TotalMilliseconds;
        lock (_gate)
        {
            for (long left; !_forks && !(_isIdle && _length == 0) && (left = until - Environment.TickCount64) > 0;)
                Monitor.Wait(_gate, (int)left);
        }
    }

    private void Work()
    {
        while (true)
        {
            int length;
            lock (_gate)
            {
                _isIdle = _length == 0;
                if (_isIdle)
                    Monitor.PulseAll(_gate);
                while (_length == 0)
                    Monitor.Wait(_gate);
                _isIdle = false;
                length = _length;
                (_filling, _writing, _length) = (_writing, _filling, 0);
            }

            WriteAll(_writing.AsSpan(0, length));
        }
    }

    private void WriteAll(ReadOnlySpan<byte> lines)
    {
        while (!lines.IsEmpty)
        {
            SyscallResult written = write(_descriptor, lines);
            if (written.Is(EAGAIN))
            {
                HasRoom(-1);
            }
            else if (written.IsError)
            {
                // A disk that is full, or a pipe whose reader has gone. The server serves on.
                _counters.Add(_dropped, lines.Count((byte)'\n'));
                return;
            }
            else
            {
                lines = lines[(int)written.Value..];
            }
        }
    }

    private bool HasRoom(int milliseconds)
    {
        Span<pollfd> set = [new() { fd = _descriptor, events = POLLOUT }];
        return poll(set, milliseconds).Value > 0;
    }
}
