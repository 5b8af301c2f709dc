using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>Calls of a <see cref="Trace"/>: sendmsg, recvmsg, writev and readv: several buffers in one call, and a descriptor beside the bytes.</summary>
internal static unsafe class MessageCalls
{
    internal static void sendmsg(this Trace trace, int fd, byte[][] parts, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Buffers buffers = new(parts);
        msghdr message = new() { msg_iov = buffers.Vector, msg_iovlen = (nuint)parts.Length };
        using Lock.Scope recorded = trace.BeginCall();
        SyscallResult result = Libc.sendmsg(fd, message, 0);
        trace.Record("sendmsg", $"{trace.Fd(fd, role)}, {{msg_iov=[{Text(parts)}], msg_iovlen={parts.Length}}}, 0", result, null, [.. parts.SelectMany(part => part)]);
    }

    /// <summary>recvmsg(2) into buffers of these lengths.</summary>
    /// <returns>The buffers, each as far as it was filled, and msg_flags.</returns>
    internal static (byte[][] Parts, int Flags) recvmsg(this Trace trace, int fd, int[] lengths, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[][] parts = [.. lengths.Select(length => new byte[length])];
        using Buffers buffers = new(parts);
        msghdr message = new() { msg_iov = buffers.Vector, msg_iovlen = (nuint)parts.Length };
        SyscallResult result = Libc.recvmsg(fd, ref message, 0);
        parts = Filled(parts, result);
        string flags = Notation.MessageFlags(message.msg_flags);
        trace.Record("recvmsg", $"{trace.Fd(fd, role)}, {{msg_iov=[{Text(parts)}], msg_iovlen={parts.Length}, msg_flags={flags}}}, 0", result, null, [.. parts.SelectMany(part => part)]);
        return (parts, message.msg_flags);
    }

    internal static void writev(this Trace trace, int fd, byte[][] parts, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Buffers buffers = new(parts);
        using Lock.Scope recorded = trace.BeginCall();
        SyscallResult result = Libc.writev(fd, new(buffers.Vector, parts.Length));
        trace.Record("writev", $"{trace.Fd(fd, role)}, [{Text(parts)}], {parts.Length}", result, null, [.. parts.SelectMany(part => part)]);
    }

    internal static byte[][] readv(this Trace trace, int fd, int[] lengths, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[][] parts = [.. lengths.Select(length => new byte[length])];
        using Buffers buffers = new(parts);
        SyscallResult result = Libc.readv(fd, new(buffers.Vector, parts.Length));
        parts = Filled(parts, result);
        trace.Record("readv", $"{trace.Fd(fd, role)}, [{Text(parts)}], {parts.Length}", result, null, [.. parts.SelectMany(part => part)]);
        return parts;
    }

    /// <summary>sendmsg(2) of one byte with a descriptor beside it: SCM_RIGHTS of unix(7).</summary>
    internal static void SendDescriptor(this Trace trace, int fd, int passed, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte content = (byte)'.';
        iovec part = new() { iov_base = &content, iov_len = 1 };
        byte* control = stackalloc byte[(int)CMSG_SPACE(sizeof(int))];
        msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = CMSG_SPACE(sizeof(int)) };
        cmsghdr* beside = CMSG_FIRSTHDR(message);
        *beside = new() { cmsg_len = CMSG_LEN(sizeof(int)), cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS };
        *(int*)CMSG_DATA(beside) = passed;
        using Lock.Scope recorded = trace.BeginCall();
        trace.Record("sendmsg", $"{trace.Fd(fd, role)}, {{msg_iov=[\".\"], {Rights(passed)}}}, 0", Libc.sendmsg(fd, message, 0), null);
    }

    /// <summary>recvmsg(2) of one byte and the descriptor beside it.</summary>
    internal static int ReceiveDescriptor(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte content;
        iovec part = new() { iov_base = &content, iov_len = 1 };
        byte* control = stackalloc byte[(int)CMSG_SPACE(sizeof(int))];
        msghdr message = new() { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = CMSG_SPACE(sizeof(int)) };
        SyscallResult result = Libc.recvmsg(fd, ref message, 0);
        cmsghdr* beside = result.IsError ? null : CMSG_FIRSTHDR(message);
        Trace.Check(beside != null && beside->cmsg_type == SCM_RIGHTS, "a descriptor comes beside the byte");
        int received = trace.Owned(SyscallResult.Of(*(int*)CMSG_DATA(beside)));
        trace.Record("recvmsg", $"{trace.Fd(fd, role)}, {{msg_iov=[\".\"], {Rights(received)}}}, 0", result, null);
        return received;
    }

    private static string Rights(int fd) => $"msg_control=[{{SOL_SOCKET, SCM_RIGHTS, [{fd}]}}]";

    private static string Text(byte[][] parts) => string.Join(", ", parts.Select(part => Notation.Bytes(part)));

    private static byte[][] Filled(byte[][] parts, SyscallResult result)
    {
        int left = result.IsError ? 0 : (int)result.Value;
        List<byte[]> filled = [];
        foreach (byte[] part in parts)
        {
            filled.Add(part[..Math.Min(left, part.Length)]);
            left -= filled[^1].Length;
        }

        return [.. filled];
    }

    // Buffers that are pinned in memory during a call, and an iovec for each.
    private sealed class Buffers : IDisposable
    {
        private readonly GCHandle[] _pins;

        public Buffers(byte[][] parts)
        {
            _pins = [.. parts.Select(part => GCHandle.Alloc(part, GCHandleType.Pinned))];
            Vector = (iovec*)NativeMemory.Alloc((nuint)parts.Length, (nuint)sizeof(iovec));
            for (int i = 0; i < parts.Length; i++)
                Vector[i] = new() { iov_base = (void*)_pins[i].AddrOfPinnedObject(), iov_len = (nuint)parts[i].Length };
        }

        public iovec* Vector { get; }

        public void Dispose()
        {
            NativeMemory.Free(Vector);
            foreach (GCHandle pin in _pins)
                pin.Free();
        }
    }
}
