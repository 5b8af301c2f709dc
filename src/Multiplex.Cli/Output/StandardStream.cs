using System.Text;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Output;

/// <summary>
/// Standard output or error, written with write(2) and so flushed at once. A server that forks must not use Console,
/// which may start a thread for the terminal.
/// </summary>
internal sealed class StandardStream : TextWriter
{
    /// <summary>Standard output: results. If a write fails, the command fails.</summary>
    public static readonly StandardStream Output = new(1);

    /// <summary>Standard error. If a write fails, the text is lost.</summary>
    public static readonly StandardStream Error = new(2);

    private readonly int _descriptor;

    private StandardStream(int descriptor) => _descriptor = descriptor;

    /// <inheritdoc/>
    public override Encoding Encoding => Encoding.UTF8;

    /// <inheritdoc/>
    public override void Write(char value) => Write([value]);

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    /// <exception cref="SyscallException">Standard output takes no more: ENOSPC, say, or EPIPE when its reader has gone.</exception>
    public override void Write(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.GetByteCount(text)];
        Encoding.GetBytes(text, bytes);
        Write(bytes);
    }

    /// <summary>Writes bytes as they are.</summary>
    /// <exception cref="SyscallException">Standard output takes no more: ENOSPC, say, or EPIPE when its reader has gone.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        for (ReadOnlySpan<byte> rest = bytes; !rest.IsEmpty;)
        {
            SyscallResult result = write(_descriptor, rest);
            if (result.IsError && this == Error)
                return;
            if (result.Is(EAGAIN))
                AwaitRoom();   // another process made the pipe or terminal non-blocking
            else
                rest = rest[result.OrThrow("write", "standard output")..];
        }
    }

    /// <inheritdoc/>
    public override void WriteLine(string? line) => Write($"{line}\n");

    private void AwaitRoom()
    {
        pollfd entry = new() { fd = _descriptor, events = POLLOUT };
        poll(new Span<pollfd>(ref entry), -1);
    }
}
