using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

// socket, bind, listen, accept, connect, shutdown, close, names and options.
public sealed partial class Trace
{
    private const int AddressRoom = 128;   // sockaddr_storage

    private readonly byte[] _name = new byte[AddressRoom];

    internal int socket(int domain, int type, int protocol, Fails? fails = null) => Owned(Record(
        "socket", $"{Symbols.Family(domain)}, {Symbols.Type(type)}, {Symbols.Protocol(protocol)}", Libc.socket(domain, type, protocol), fails));

    internal (int One, int Other) socketpair(int domain, int type, int protocol)
    {
        SyscallResult result = Libc.socketpair(domain, type, protocol, out int one, out int other);
        Record("socketpair", $"{Symbols.Family(domain)}, {Symbols.Type(type)}, {protocol}, [{one}, {other}]", result, null);
        return (Owned(SyscallResult.Of(one)), Owned(SyscallResult.Of(other)));
    }

    internal void bind(int fd, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        Record("bind", $"{Fd(fd, role)}, {Symbols.Address(address)}, {address.Length}", Libc.bind(fd, address), fails);

    internal void listen(int fd, int backlog, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => Record("listen", $"{Fd(fd, role)}, {backlog}", Libc.listen(fd, backlog), fails);

    /// <summary>accept4(2), which is accept(2) with flags for the new descriptor.</summary>
    internal int accept(int fd, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => accept(fd, out _, fails, role);

    internal int accept(int fd, out byte[] peer, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        byte[] address = new byte[AddressRoom];
        SyscallResult result = accept4(fd, address, out int length, 0);
        peer = address[..length];
        Record("accept4", $"{Fd(fd, role)}, {(result.IsError ? "NULL, NULL" : $"{Symbols.Address(peer)}, [{length}]")}, {Symbols.AcceptFlags(0)}", result, fails);
        return Owned(result);
    }

    internal void connect(int fd, byte[] address, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        Record("connect", $"{Fd(fd, role)}, {Symbols.Address(address)}, {address.Length}", Libc.connect(fd, address), fails);

    internal void shutdown(int fd, int how, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => Record("shutdown", $"{Fd(fd, role)}, {Symbols.Way(how)}", Libc.shutdown(fd, how), fails);

    internal void close(int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        string text = Fd(fd, role);
        Disown(fd);
        Record("close", text, Libc.close(fd), null);
    }

    internal byte[] getsockname(int fd, [CallerArgumentExpression(nameof(fd))] string role = "") => Name("getsockname", Fd(fd, role), Libc.getsockname(fd, _name), null);

    internal byte[] getpeername(int fd, Fails? fails = null, [CallerArgumentExpression(nameof(fd))] string role = "") => Name("getpeername", Fd(fd, role), Libc.getpeername(fd, _name), fails);

    /// <summary>getsockopt(2) for an option of SOL_SOCKET that is a number.</summary>
    internal int getsockopt(int fd, int option, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = Libc.getsockopt(fd, SOL_SOCKET, option, out int value);
        Record("getsockopt", $"{Fd(fd, role)}, SOL_SOCKET, {Symbols.Option(option)}, [{Symbols.OptionValue(option, value)}], [4]", result, null);
        return value;
    }

    /// <summary>getsockopt(2) of SO_PEERCRED: the process and the user at the other end.</summary>
    internal ucred getpeercred(int fd, [CallerArgumentExpression(nameof(fd))] string role = "")
    {
        SyscallResult result = Libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out ucred peer);
        Record("getsockopt", $"{Fd(fd, role)}, SOL_SOCKET, SO_PEERCRED, {{pid={peer.pid}, uid={peer.uid}, gid={peer.gid}}}, [12]", result, null);
        return peer;
    }

    /// <summary>setsockopt(2) for an option of SOL_SOCKET that is a number.</summary>
    internal void setsockopt(int fd, int option, int value, [CallerArgumentExpression(nameof(fd))] string role = "") =>
        Record("setsockopt", $"{Fd(fd, role)}, SOL_SOCKET, {Symbols.Option(option)}, [{value}], 4", Libc.setsockopt(fd, SOL_SOCKET, option, value), null);

    /// <summary>setsockopt(2) of SO_LINGER.</summary>
    internal void setsockopt(int fd, linger value, [CallerArgumentExpression(nameof(fd))] string role = "") => Record(
        "setsockopt", $"{Fd(fd, role)}, SOL_SOCKET, SO_LINGER, {{l_onoff={value.l_onoff}, l_linger={value.l_linger}}}, 8",
        Libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, value), null);

    internal void unlink(string path) => Record("unlink", $"\"{path}\"", Libc.unlink(path), null);

    /// <summary>getaddrinfo(3): the addresses of a name, which is a function of the C library and no system call.</summary>
    internal IReadOnlyList<byte[]> getaddrinfo(string? host, string service, addrinfo hints, int fails = 0, string meaning = "")
    {
        int status = Libc.getaddrinfo(host, service, hints, out IReadOnlyList<byte[]> found);
        string flags = hints.ai_flags == AI_PASSIVE ? "ai_flags=AI_PASSIVE, " : "";
        string arguments = $"{(host is null ? "NULL" : $"\"{host}\"")}, \"{service}\", "
            + $"{{{flags}ai_family={Symbols.Family(hints.ai_family)}, ai_socktype={Symbols.Type(hints.ai_socktype)}}}";
        string text = $"getaddrinfo({arguments}) = {(status == 0 ? "0" : $"{EaiName(status)} ({gai_strerror(status)})")}";
        Add(new(LineKind.Call, text) { Call = "getaddrinfo", Result = status == 0 ? default : SyscallResult.Failed(-status) });
        if (status != fails)
            throw new LessonException($"{text}: the lesson expected {EaiName(fails)}");
        if (fails != 0)
            Add(new(LineKind.Meaning, meaning));
        foreach (byte[] address in found)
            Show(Symbols.Address(address));
        return found;
    }

    private byte[] Name(string call, string fd, SyscallResult result, Fails? fails)
    {
        byte[] name = result.IsError ? [] : _name[..(int)result.Value];
        Record(call, $"{fd}, {(result.IsError ? "NULL, NULL" : $"{Symbols.Address(name)}, [{name.Length}]")}", result.IsError ? result : default, fails, name);
        return name;
    }

    private static string EaiName(int status) => status switch
    {
        0 => "0",
        EAI_NONAME => "EAI_NONAME",
        EAI_SERVICE => "EAI_SERVICE",
        EAI_AGAIN => "EAI_AGAIN",
        _ => Symbols.Number(status),
    };
}
