using System.Text;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli;

/// <summary>
/// Standard output or error, written with write(2) and so flushed at once. A server that forks keeps away from Console,
/// which may start a thread for the terminal.
/// </summary>
internal sealed class StandardStream(int descriptor)
{
    public static readonly StandardStream Output = new(1);
    public static readonly StandardStream Error = new(2);

    /// <summary>Writes a line. A reader that has gone away is no reason to fail.</summary>
    public void WriteLine(string line)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(line + "\n");
        while (!rest.IsEmpty)
        {
            Interop.SyscallResult result = write(descriptor, rest);
            if (result.IsError)
                return;
            rest = rest[(int)result.Value..];
        }
    }
}
