using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>Calls of a <see cref="Trace"/>: read, write, send, recv, sendto and recvfrom, and the calls that make a file descriptor or look at it.</summary>
internal static class ByteCalls
{
    internal static int write(this Trace trace, int fd, ReadOnlySpan<byte> data, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        return Sent(trace, "write", trace.Fd(fd, role), data, null, Libc.write(fd, data), null);
    }

    internal static byte[] read(this Trace trace, int fd, int count, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count];
        return Received(trace, "read", trace.Fd(fd, role), buffer, null, Libc.read(fd, buffer), null);
    }

    internal static int send(this Trace trace, int fd, ReadOnlySpan<byte> data, int flags = 0, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        return Sent(trace, "send", trace.Fd(fd, role), data, Notation.MessageFlags(flags), Libc.send(fd, data, flags), fails);
    }

    /// <summary>recv(2) into a buffer of so many bytes. Returns the received bytes: none at the end of the stream, or if the call failed as expected.</summary>
    internal static byte[] recv(this Trace trace, int fd, int count, int flags = 0, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count];
        return Received(trace, "recv", trace.Fd(fd, role), buffer, Notation.MessageFlags(flags), Libc.recv(fd, buffer, flags), fails);
    }

    internal static int sendto(this Trace trace, int fd, ReadOnlySpan<byte> data, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        return Sent(trace, "sendto", trace.Fd(fd, role), data, $"0, {Notation.Address(address)}, {address.Length}", Libc.sendto(fd, data, 0, address), fails);
    }

    internal static byte[] recvfrom(this Trace trace, int fd, int count, out byte[] sender, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count], address = new byte[SocketCalls.AddressRoom];
        SyscallResult result = Libc.recvfrom(fd, buffer, 0, address, out int length);
        sender = address[..length];
        return Received(trace, "recvfrom", trace.Fd(fd, role), buffer, $"0, {Notation.Address(sender)}, [{length}]", result, null);
    }

    internal static void lseek(this Trace trace, int fd, long offset, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.Record("lseek", $"{trace.Fd(fd, role)}, {offset}, SEEK_SET", Libc.lseek(fd, offset, SEEK_SET), fails);

    internal static int open(this Trace trace, string path, int flags)
    {
        SyscallResult result = Libc.open(path, flags, 0x180);
        return trace.Owned(trace.Record("open", $"\"{path}\", {Notation.OpenFlags(flags)}{((flags & O_CREAT) != 0 ? ", 0600" : "")}", result, null), isSocket: false);
    }

    internal static int dup(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.Owned(trace.Record("dup", $"{trace.Fd(fd, role)}", Libc.dup(fd), null));

    /// <summary>fcntl(2) of F_GETFL: the flags of the open file, O_NONBLOCK among them.</summary>
    internal static int fcntl_getfl(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = fcntl(fd, F_GETFL);
        int flags = (int)result.Value;
        string text = (flags & O_NONBLOCK) != 0 ? " (O_RDWR|O_NONBLOCK)" : " (O_RDWR)";
        trace.Add(new(LineKind.Call, $"fcntl({trace.Fd(fd, role)}, F_GETFL) = 0x{flags:x}{text}") { Call = "fcntl", Result = result });
        return flags;
    }

    // The result is the number of bytes that the kernel took, which may be fewer than were given.
    private static int Sent(Trace trace, string call, string fd, ReadOnlySpan<byte> data, string? rest, SyscallResult result, Fails? fails)
    {
        byte[] taken = data[..(result.IsError ? 0 : (int)result.Value)].ToArray();
        string arguments = $"{fd}, {Notation.Bytes(data)}, {data.Length}{(rest is null ? "" : $", {rest}")}";
        return (int)trace.Record(call, arguments, result, fails, taken).Value;
    }

    // With MSG_TRUNC the result is the length of the datagram, which may be more than the buffer has.
    private static byte[] Received(Trace trace, string call, string fd, byte[] buffer, string? rest, SyscallResult result, Fails? fails)
    {
        byte[] data = result.IsError ? [] : buffer[..Math.Min((int)result.Value, buffer.Length)];
        trace.Record(call, $"{fd}, {Notation.Bytes(data)}, {buffer.Length}{(rest is null ? "" : $", {rest}")}", result, fails, data);
        return data;
    }
}
