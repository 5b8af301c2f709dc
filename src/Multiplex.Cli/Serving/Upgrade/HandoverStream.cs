using System.Text;
using Multiplex.Interop;
using Multiplex.Sockets.Adopted;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Upgrade;

/// <summary>
/// The protocol of two servers when one takes over from the other: lines of UTF-8 that end with a zero byte, some with a descriptor. The running server
/// sends <see cref="Greeting"/>, a line for each socket and each file in memory, and <see cref="End"/>. The new server answers <see cref="Ready"/> once it
/// accepts connections. The running server confirms that by <see cref="Yours"/>, or else goes on serving.
/// </summary>
/// <param name="descriptor">A connected UNIX-domain stream; this object closes it.</param>
internal sealed class HandoverStream(int descriptor) : IDisposable
{
    public const string Greeting = "multiplex-handover 1";   // with the version of the protocol
    public const string Own = "socket ", Kept = "kept-socket ", Memory = "memory ", Offer = "offer", End = "end", Ready = "ready", Yours = "yours";

    /// <summary>A line with which either side cancels the takeover; the reason follows.</summary>
    public const string Refused = "refused ";

    private const int LongestLine = 4096;

    private readonly byte[] _received = new byte[LongestLine];
    private readonly Queue<int> _descriptors = [];
    private int _length;

    /// <summary>The descriptor of the stream, for poll(2).</summary>
    public int Descriptor => descriptor;

    /// <summary>The user of the process at the other end.</summary>
    public uint User
    {
        get
        {
            getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, out ucred peer).OrThrow("getsockopt SO_PEERCRED");
            return peer.uid;
        }
    }

    /// <summary>Limits each wait.</summary>
    public void LimitWaits(TimeSpan time)
    {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval.Of(time)).OrThrow("setsockopt SO_RCVTIMEO");
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, timeval.Of(time)).OrThrow("setsockopt SO_SNDTIMEO");
    }

    /// <summary>Sends a line.</summary>
    /// <exception cref="SyscallException">The line cannot be sent; for example, the other server has ended.</exception>
    public void Send(string line, int passed = -1)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(line + '\0');
        while (!bytes.IsEmpty)
        {
            bytes = bytes[(int)DescriptorMessages.Send(descriptor, bytes, passed).OrThrow("sendmsg", line)..];
            passed = -1;
        }
    }

    /// <summary>The next line; null at the end of the stream, also after a reset.</summary>
    /// <exception cref="SyscallException">EAGAIN: no line has arrived in time.</exception>
    /// <exception cref="IOException">A line is too long.</exception>
    public string? Receive()
    {
        int end;
        while ((end = _received.AsSpan(0, _length).IndexOf((byte)0)) < 0)
        {
            if (_length == LongestLine)
                throw new IOException($"a line of the other server has more than {LongestLine} bytes");
            List<int> passed = [];
            SyscallResult result = DescriptorMessages.Receive(descriptor, _received.AsSpan(_length), passed);
            passed.ForEach(_descriptors.Enqueue);
            if (result.Is(ECONNRESET) || result.Value == 0)
                return null;
            _length += result.OrThrow("recvmsg");
        }

        string line = Encoding.UTF8.GetString(_received.AsSpan(0, end));
        _length -= end + 1;
        _received.AsSpan(end + 1, _length).CopyTo(_received);
        return line;
    }

    /// <summary>The descriptor that came with a line.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public int TakeDescriptor() => _descriptors.TryDequeue(out int passed) ? passed : throw new IOException("the other server sent a line without its descriptor; this process may have too few left: ulimit -n");

    /// <summary>Closes the stream, and the received descriptors that were not taken.</summary>
    public void Dispose()
    {
        while (_descriptors.TryDequeue(out int passed))
            close(passed);
        close(descriptor);
    }
}
