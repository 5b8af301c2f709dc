using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>Calls of a <see cref="Trace"/>: socket, bind, listen, accept, connect, shutdown and close; names and options of sockets.</summary>
internal static class SocketCalls
{
    /// <summary>Bytes of a sockaddr_storage.</summary>
    internal const int AddressRoom = 128;

    internal static int socket(this Trace trace, int domain, int type, int protocol, Fails? fails = null) => trace.Owned(trace.Record(
        "socket", $"{Notation.Family(domain)}, {Notation.Type(type)}, {Notation.Protocol(protocol)}", Libc.socket(domain, type, protocol), fails));

    internal static (int One, int Other) socketpair(this Trace trace, int domain, int type, int protocol)
    {
        SyscallResult result = Libc.socketpair(domain, type, protocol, out int one, out int other);
        trace.Record("socketpair", $"{Notation.Family(domain)}, {Notation.Type(type)}, {protocol}, [{one}, {other}]", result, null);
        return (trace.Owned(SyscallResult.Of(one)), trace.Owned(SyscallResult.Of(other)));
    }

    internal static void bind(this Trace trace, int fd, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        trace.Record("bind", $"{trace.Fd(fd, role)}, {Notation.Address(address)}, {address.Length}", Libc.bind(fd, address), fails);

    internal static void listen(this Trace trace, int fd, int backlog, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.Record("listen", $"{trace.Fd(fd, role)}, {backlog}", Libc.listen(fd, backlog), fails);

    /// <summary>accept4(2), which is accept(2) with flags for the new descriptor.</summary>
    internal static int accept(this Trace trace, int fd, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.accept(fd, out _, fails, role);

    internal static int accept(this Trace trace, int fd, out byte[] peer, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] address = new byte[AddressRoom];
        SyscallResult result = accept4(fd, address, out int length, 0);
        peer = address[..length];
        trace.Record("accept4", $"{trace.Fd(fd, role)}, {(result.IsError ? "NULL, NULL" : $"{Notation.Address(peer)}, [{length}]")}, {Notation.AcceptFlags(0)}", result, fails);
        return trace.Owned(result);
    }

    internal static void connect(this Trace trace, int fd, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        trace.Record("connect", $"{trace.Fd(fd, role)}, {Notation.Address(address)}, {address.Length}", Libc.connect(fd, address), fails);
    }

    internal static void shutdown(this Trace trace, int fd, int how, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        trace.Record("shutdown", $"{trace.Fd(fd, role)}, {Notation.Way(how)}", Libc.shutdown(fd, how), fails);
    }

    internal static void close(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        using Lock.Scope recorded = trace.BeginCall();
        string text = trace.Fd(fd, role);
        trace.Disown(fd);
        trace.Record("close", text, Libc.close(fd), null);
    }

    internal static byte[] getsockname(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] name = new byte[AddressRoom];
        return Name(trace, "getsockname", trace.Fd(fd, role), name, Libc.getsockname(fd, name), null);
    }

    internal static byte[] getpeername(this Trace trace, int fd, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] name = new byte[AddressRoom];
        return Name(trace, "getpeername", trace.Fd(fd, role), name, Libc.getpeername(fd, name), fails);
    }

    /// <summary>getsockopt(2) for an option of SOL_SOCKET that is a number.</summary>
    internal static int getsockopt(this Trace trace, int fd, int option, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = Libc.getsockopt(fd, SOL_SOCKET, option, out int value);
        trace.Record("getsockopt", $"{trace.Fd(fd, role)}, SOL_SOCKET, {Notation.Option(option)}, [{Notation.OptionValue(option, value)}], [4]", result, null);
        return value;
    }

    /// <summary>getsockopt(2) of SO_PEERCRED: the process and the user at the other end.</summary>
    internal static ucred getpeercred(this Trace trace, int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = Libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out ucred peer);
        trace.Record("getsockopt", $"{trace.Fd(fd, role)}, SOL_SOCKET, SO_PEERCRED, {{pid={peer.pid}, uid={peer.uid}, gid={peer.gid}}}, [12]", result, null);
        return peer;
    }

    /// <summary>setsockopt(2) for an option of SOL_SOCKET that is a number.</summary>
    internal static void setsockopt(this Trace trace, int fd, int option, int value, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        trace.Record("setsockopt", $"{trace.Fd(fd, role)}, SOL_SOCKET, {Notation.Option(option)}, [{value}], 4", Libc.setsockopt(fd, SOL_SOCKET, option, value), null);

    /// <summary>setsockopt(2) of SO_LINGER.</summary>
    internal static void setsockopt(this Trace trace, int fd, linger value, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.Record(
        "setsockopt", $"{trace.Fd(fd, role)}, SOL_SOCKET, SO_LINGER, {{l_onoff={value.l_onoff}, l_linger={value.l_linger}}}, 8",
        Libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, value), null);

    internal static void unlink(this Trace trace, string path) => trace.Record("unlink", $"\"{path}\"", Libc.unlink(path), null);

    /// <summary>getaddrinfo(3): finds the addresses of a name. It is a function of the C library, not a system call.</summary>
    internal static IReadOnlyList<byte[]> getaddrinfo(this Trace trace, string? host, string service, addrinfo hints, int fails = 0, string meaning = "")
    {
        int status = Libc.getaddrinfo(host, service, hints, out IReadOnlyList<byte[]> found);
        string flags = hints.ai_flags == AI_PASSIVE ? "ai_flags=AI_PASSIVE, " : "";
        string arguments = $"{(host is null ? "NULL" : $"\"{host}\"")}, \"{service}\", "
            + $"{{{flags}ai_family={Notation.Family(hints.ai_family)}, ai_socktype={Notation.Type(hints.ai_socktype)}}}";
        string text = $"getaddrinfo({arguments}) = {(status == 0 ? "0" : $"{EaiName(status)} ({gai_strerror(status)})")}";
        trace.Add(new(LineKind.Call, text) { Call = "getaddrinfo", Result = status == 0 ? default : SyscallResult.Failed(-status) });
        if (status != fails)
            throw new LessonException($"{text}: the lesson expected {EaiName(fails)}");
        if (fails != 0)
            trace.Add(new(LineKind.Meaning, meaning));
        foreach (byte[] address in found)
            trace.Show(Notation.Address(address));
        return found;
    }

    private static byte[] Name(Trace trace, string call, string fd, byte[] buffer, SyscallResult result, Fails? fails)
    {
        byte[] name = result.IsError ? [] : buffer[..(int)result.Value];
        trace.Record(call, $"{fd}, {(result.IsError ? "NULL, NULL" : $"{Notation.Address(name)}, [{name.Length}]")}", result.IsError ? result : default, fails, name);
        return name;
    }

    private static string EaiName(int status) => status switch
    {
        0 => "0",
        EAI_NONAME => "EAI_NONAME",
        EAI_SERVICE => "EAI_SERVICE",
        EAI_AGAIN => "EAI_AGAIN",
        _ => Notation.Number(status),
    };
}
