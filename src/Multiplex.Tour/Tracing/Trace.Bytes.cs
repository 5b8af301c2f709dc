using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

// read, write, send, recv, sendto, recvfrom, and what makes the descriptor a file descriptor.
public sealed partial class Trace
{
    internal int write(int fd, ReadOnlySpan<byte> data, [CallerArgumentExpression(nameof(fd))] string role = "") => Sent("write", Fd(fd, role), data, null, Libc.write(fd, data), null);

    internal byte[] read(int fd, int count, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count];
        return Received("read", Fd(fd, role), buffer, null, Libc.read(fd, buffer), null);
    }

    internal int send(int fd, ReadOnlySpan<byte> data, int flags = 0, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        Sent("send", Fd(fd, role), data, Symbols.MessageFlags(flags), Libc.send(fd, data, flags), fails);

    /// <summary>recv(2) into a buffer of so many bytes. Returns what it got: nothing at the end of file, and when the call failed as expected.</summary>
    internal byte[] recv(int fd, int count, int flags = 0, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count];
        return Received("recv", Fd(fd, role), buffer, Symbols.MessageFlags(flags), Libc.recv(fd, buffer, flags), fails);
    }

    internal int sendto(int fd, ReadOnlySpan<byte> data, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => Sent(
        "sendto", Fd(fd, role), data, $"0, {Symbols.Address(address)}, {address.Length}", Libc.sendto(fd, data, 0, address), fails);

    internal byte[] recvfrom(int fd, int count, out byte[] sender, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] buffer = new byte[count], address = new byte[AddressRoom];
        SyscallResult result = Libc.recvfrom(fd, buffer, 0, address, out int length);
        sender = address[..length];
        return Received("recvfrom", Fd(fd, role), buffer, $"0, {Symbols.Address(sender)}, [{length}]", result, null);
    }

    internal void lseek(int fd, long offset, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => Record("lseek", $"{Fd(fd, role)}, {offset}, SEEK_SET", Libc.lseek(fd, offset, SEEK_SET), fails);

    internal int open(string path, int flags)
    {
        SyscallResult result = Libc.open(path, flags, 0x180);
        return Owned(Record("open", $"\"{path}\", {Symbols.OpenFlags(flags)}{((flags & O_CREAT) != 0 ? ", 0600" : "")}", result, null), isSocket: false);
    }

    internal int dup(int fd, [CallerArgumentExpression(nameof(fd))] string role = "") => Owned(Record("dup", $"{Fd(fd, role)}", Libc.dup(fd), null));

    /// <summary>fcntl(2) of F_GETFL: the flags of the open file, O_NONBLOCK among them.</summary>
    internal int fcntl_getfl(int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = fcntl(fd, F_GETFL);
        int flags = (int)result.Value;
        string text = (flags & O_NONBLOCK) != 0 ? " (O_RDWR|O_NONBLOCK)" : " (O_RDWR)";
        Add(new(LineKind.Call, $"fcntl({Fd(fd, role)}, F_GETFL) = 0x{flags:x}{text}") { Call = "fcntl", Result = result });
        return flags;
    }

    // Of what was given, the kernel took as much as the result says; that may be less.
    private int Sent(string call, string fd, ReadOnlySpan<byte> data, string? rest, SyscallResult result, Fails? fails)
    {
        byte[] taken = data[..(result.IsError ? 0 : (int)result.Value)].ToArray();
        string arguments = $"{fd}, {Symbols.Bytes(data)}, {data.Length}{(rest is null ? "" : $", {rest}")}";
        return (int)Record(call, arguments, result, fails, taken).Value;
    }

    // With MSG_TRUNC the result is the length of the datagram, which may be more than the buffer has.
    private byte[] Received(string call, string fd, byte[] buffer, string? rest, SyscallResult result, Fails? fails)
    {
        byte[] data = result.IsError ? [] : buffer[..Math.Min((int)result.Value, buffer.Length)];
        Record(call, $"{fd}, {Symbols.Bytes(data)}, {buffer.Length}{(rest is null ? "" : $", {rest}")}", result, fails, data);
        return data;
    }
}
