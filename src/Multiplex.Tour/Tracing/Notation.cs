using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>Arguments of system calls as strace(1) writes them: constants by name, addresses as structures, bytes as C strings.</summary>
internal static class Notation
{
    private const int LongestText = 24;   // characters of a buffer that are shown; strace(1) counts its bytes

    private static readonly (long Value, string Name)[] s_families =
        [(AF_UNSPEC, "AF_UNSPEC"), (AF_UNIX, "AF_UNIX"), (AF_INET, "AF_INET"), (AF_INET6, "AF_INET6")];

    private static readonly (long Value, string Name)[] s_types =
        [(SOCK_STREAM, "SOCK_STREAM"), (SOCK_DGRAM, "SOCK_DGRAM"), (SOCK_SEQPACKET, "SOCK_SEQPACKET")];

    private static readonly (long Value, string Name)[] s_typeFlags = [(SOCK_NONBLOCK, "SOCK_NONBLOCK"), (SOCK_CLOEXEC, "SOCK_CLOEXEC")];

    private static readonly (long Value, string Name)[] s_protocols = [(0, "0"), (IPPROTO_TCP, "IPPROTO_TCP"), (IPPROTO_UDP, "IPPROTO_UDP")];

    private static readonly (long Value, string Name)[] s_options =
    [
        (SO_REUSEADDR, "SO_REUSEADDR"), (SO_TYPE, "SO_TYPE"), (SO_ERROR, "SO_ERROR"), (SO_RCVBUF, "SO_RCVBUF"), (SO_LINGER, "SO_LINGER"),
        (SO_PEERCRED, "SO_PEERCRED"), (SO_ACCEPTCONN, "SO_ACCEPTCONN"), (SO_PROTOCOL, "SO_PROTOCOL"), (SO_DOMAIN, "SO_DOMAIN"),
    ];

    private static readonly (long Value, string Name)[] s_messageFlags =
    [
        (MSG_CTRUNC, "MSG_CTRUNC"), (MSG_PEEK, "MSG_PEEK"), (MSG_TRUNC, "MSG_TRUNC"), (MSG_DONTWAIT, "MSG_DONTWAIT"), (MSG_EOR, "MSG_EOR"),
        (MSG_WAITALL, "MSG_WAITALL"), (MSG_NOSIGNAL, "MSG_NOSIGNAL"),
    ];

    private static readonly (long Value, string Name)[] s_pollEvents =
    [
        (POLLIN, "POLLIN"), (POLLOUT, "POLLOUT"), (POLLERR, "POLLERR"), (POLLHUP, "POLLHUP"), (POLLNVAL, "POLLNVAL"),
    ];

    private static readonly (long Value, string Name)[] s_epollEvents =
        [(EPOLLIN, "EPOLLIN"), (EPOLLOUT, "EPOLLOUT"), (EPOLLERR, "EPOLLERR"), (EPOLLHUP, "EPOLLHUP")];

    private static readonly (long Value, string Name)[] s_openFlags = [(O_CREAT, "O_CREAT"), (O_EXCL, "O_EXCL"), (O_CLOEXEC, "O_CLOEXEC")];

    private static readonly (long Value, string Name)[] s_ways = [(SHUT_RD, "SHUT_RD"), (SHUT_WR, "SHUT_WR"), (SHUT_RDWR, "SHUT_RDWR")];

    public static string Family(int family) => One(family, s_families);

    public static string Type(int type)
    {
        int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
        return One(type & ~flags, s_types) + (flags == 0 ? "" : $"|{Flags(flags, s_typeFlags)}");
    }

    public static string AcceptFlags(int flags) => Flags(flags, s_typeFlags);

    public static string Protocol(int protocol) => One(protocol, s_protocols);

    public static string Option(int option) => One(option, s_options);

    /// <summary>The value of an option that is read or set as a number.</summary>
    public static string OptionValue(int option, int value) => option switch
    {
        SO_DOMAIN => Family(value),
        SO_TYPE => Type(value),
        SO_PROTOCOL => Protocol(value),
        SO_ERROR when value != 0 => Interop.ErrnoText.Name(value),
        _ => Number(value),
    };

    public static string MessageFlags(int flags) => Flags(flags, s_messageFlags);

    public static string PollEvents(int events) => Flags(events, s_pollEvents);

    public static string EpollEvents(uint events) => Flags(events, s_epollEvents);

    public static string OpenFlags(int flags) =>
        ((flags & O_RDWR) != 0 ? "O_RDWR" : "O_RDONLY") + ((flags & ~O_RDWR) == 0 ? "" : $"|{Flags(flags & ~O_RDWR, s_openFlags)}");

    public static string Way(int how) => One(how, s_ways);

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A raw socket address.</summary>
    public static string Address(ReadOnlySpan<byte> address)
    {
        if (address.Length < sizeof(ushort))
            return "NULL";
        int family = AddressLookup.FamilyOf(address);
        if (family == AF_INET)
            return $"{{sa_family=AF_INET, sin_port=htons({Port(address)}), sin_addr=inet_addr(\"{Host(address)}\")}}";
        if (family == AF_INET6)
            return $"{{sa_family=AF_INET6, {AddressText.Format(EndpointKind.Tcp, address)["tcp://".Length..]}}}";
        return address.Length == sizeof(ushort)
            ? $"{{sa_family={Family(family)}}}"
            : $"{{sa_family={Family(family)}, sun_path={Path(AddressText.Format(EndpointKind.Unix, address)["unix:".Length..])}}}";
    }

    /// <summary>The port of a raw IPv4 address.</summary>
    public static int Port(ReadOnlySpan<byte> address) => BinaryPrimitives.ReadUInt16BigEndian(address[2..]);

    /// <summary>The host of a raw IPv4 address.</summary>
    public static string Host(ReadOnlySpan<byte> address) => $"{address[4]}.{address[5]}.{address[6]}.{address[7]}";

    /// <summary>The first bytes of a buffer, as a C string.</summary>
    public static string Bytes(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        for (int i = 0; i < bytes.Length; i++)
        {
            // An octal escape may be short if no digit follows it; before a digit it must have three digits.
            bool digitFollows = i + 1 < bytes.Length && bytes[i + 1] is >= (byte)'0' and <= (byte)'7';
            string one = bytes[i] switch
            {
                (byte)'\n' => "\\n",
                (byte)'"' or (byte)'\\' => $"\\{(char)bytes[i]}",
                >= 0x20 and < 0x7f => ((char)bytes[i]).ToString(),
                _ => $"\\{Convert.ToString(bytes[i], 8).PadLeft(digitFollows ? 3 : 1, '0')}",
            };
            if (text.Length + one.Length > LongestText)
                return $"\"{text}\"...";
            text.Append(one);
        }

        return $"\"{text}\"";
    }

    /// <summary>A raw IPv4 address.</summary>
    public static byte[] Internet(uint host, int port)
    {
        sockaddr_in address = new()
        {
            sin_family = AF_INET,
            sin_port = BinaryPrimitives.ReverseEndianness((ushort)port),
            sin_addr = new() { s_addr = BinaryPrimitives.ReverseEndianness(host) },
        };
        return MemoryMarshal.AsBytes(new ReadOnlySpan<sockaddr_in>(ref address)).ToArray();
    }

    private static string Path(string path) => path.StartsWith('@') ? $"@\"{path[1..]}\"" : $"\"{path}\"";

    private static string One(long value, (long Value, string Name)[] names)
    {
        foreach ((long known, string name) in names)
        {
            if (known == value)
                return name;
        }

        return Number(value);
    }

    private static string Flags(long flags, (long Value, string Name)[] names)
    {
        List<string> set = [];
        foreach ((long value, string name) in names)
        {
            if ((flags & value) == 0)
                continue;
            set.Add(name);
            flags &= ~value;
        }

        if (flags != 0 || set.Count == 0)
            set.Add(flags == 0 ? "0" : $"0x{flags:x}");
        return string.Join('|', set);
    }
}
