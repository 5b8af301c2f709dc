using System.Globalization;
using Multiplex.Sockets;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The second lesson: bind(2) gives a socket its address, getsockname(2) returns it, getaddrinfo(3) finds addresses by name.</summary>
internal static class Lesson02_Addresses
{
    public static Lesson Lesson { get; } = new(
        "addresses",
        "a host and a port name a process; a path does on one machine",
        [
            new("Which port has a client that never called bind(2)?",
                "None until it needs one. connect(2), or the first sendto(2), lets the kernel choose a free port; getsockname(2) tells which."),
            new("What is INADDR_ANY?",
                "The address 0.0.0.0: every interface of the machine. A server that binds to it accepts connections to any of the machine's addresses. "
                + "A server that binds to 127.0.0.1 accepts connections to that address alone."),
        ],
        [
            new("bind(2) to port 0: the kernel chooses a port", TheKernelChooses),
            new("Without bind(2), connect(2) chooses a port", WithoutBind),
            new("INADDR_ANY is every interface", EveryInterface),
            new("Addresses that cannot be had", AddressesThatCannotBeHad),
            new("getaddrinfo(3) finds addresses by name", Names),
            new("A UNIX-domain address is a path", APath),
            new("An abstract name is no file", AnAbstractName),
        ]);

    private static void TheKernelChooses(Trace t)
    {
        int fd = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(fd, Notation.Internet(INADDR_LOOPBACK, 0));
        byte[] address = t.getsockname(fd);
        Trace.Check(Notation.Port(address) != 0, "the kernel chooses a port");
        t.Say("A server that must be found writes its port here, such as 80. Ports below "
            + File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim() + " (net.ipv4.ip_unprivileged_port_start, usually 1024) need a "
            + "privilege; without it bind(2) fails with EACCES.");
    }

    private static void WithoutBind(Trace t)
    {
        int listener = Listener(t, INADDR_LOOPBACK, out byte[] address);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.Say("The client's address before connect(2), and after:");
        byte[] before = t.getsockname(client);
        t.connect(client, address);
        byte[] after = t.getsockname(client);
        Trace.Check(Notation.Port(before) == 0 && Notation.Port(after) != 0, "connect(2) lets the kernel choose a port");
        t.close(listener);
    }

    private static void EveryInterface(Trace t)
    {
        int listener = Listener(t, INADDR_ANY, out byte[] address);
        int port = Notation.Port(address);
        t.Say("All of 127.0.0.0/8 is this machine. Each connection has the address that its client called:");
        foreach (uint host in (uint[])[INADDR_LOOPBACK, INADDR_LOOPBACK + 1])
        {
            int client = t.socket(AF_INET, SOCK_STREAM, 0);
            t.connect(client, Notation.Internet(host, port));
            int connection = t.accept(listener);
            byte[] called = t.getsockname(connection);
            Trace.Check(called.AsSpan().SequenceEqual(Notation.Internet(host, port)), "the connection has the address that was called");
        }

        t.Say("A listener at one address is not at the others:");
        Listener(t, INADDR_LOOPBACK, out byte[] alone);
        int other = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(other, Notation.Internet(INADDR_LOOPBACK + 1, Notation.Port(alone)), new(ECONNREFUSED, "no socket listens at this address and port"));
    }

    private static void AddressesThatCannotBeHad(Trace t)
    {
        int first = t.socket(AF_INET, SOCK_STREAM, 0), second = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(first, Notation.Internet(INADDR_LOOPBACK, 0));
        byte[] taken = t.getsockname(first);
        t.bind(second, taken, new(EADDRINUSE, "another socket has this address and port"));
        t.bind(second, Notation.Internet(0xC0000201, 0), new(EADDRNOTAVAIL, "no interface of this machine has this address"));
        t.bind(first, Notation.Internet(INADDR_LOOPBACK, 0), new(EINVAL, "the socket has an address already"));
    }

    private static void Names(Trace t)
    {
        t.Say("A program asks for a name and gets a list of addresses. It tries them in order until one works.");
        addrinfo hints = new() { ai_family = AF_UNSPEC, ai_socktype = SOCK_STREAM };
        IReadOnlyList<byte[]> found = t.getaddrinfo("localhost", "4000", hints);
        Trace.Check(found.Count > 0, "localhost has an address");
        t.Say("Without a name and with AI_PASSIVE it is every interface, for bind(2):");
        t.getaddrinfo(null, "4000", new() { ai_flags = AI_PASSIVE, ai_family = AF_INET, ai_socktype = SOCK_STREAM });
        t.Say("It has errors of its own, which are not errno values:");
        t.getaddrinfo("no..host", "4000", hints, EAI_NONAME, "no host has this name");
    }

    private static void APath(Trace t)
    {
        string directory = Directory.CreateTempSubdirectory("mx-").FullName;
        try
        {
            byte[] address = AddressText.OfPath(Path.Combine(directory, "s"));
            int first = t.socket(AF_UNIX, SOCK_STREAM, 0);
            t.bind(first, address);
            t.listen(first, 1);
            t.Say("bind(2) made the file. It stays when the socket is closed:");
            t.close(first);
            int second = t.socket(AF_UNIX, SOCK_STREAM, 0);
            t.connect(second, address, new(ECONNREFUSED, "the file is there, and no socket listens behind it"));
            t.bind(second, address, new(EADDRINUSE, "the stale file is in the way; a server removes it before bind(2)"));
            t.unlink(Path.Combine(directory, "s"));
            t.bind(second, address);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void AnAbstractName(Trace t)
    {
        t.Say("After a NUL byte (printed as @) the name is in a space of its own, and ends with its socket.");
        byte[] address = AddressText.OfPath(string.Create(CultureInfo.InvariantCulture, $"@tour-{Environment.ProcessId}"));
        int first = t.socket(AF_UNIX, SOCK_STREAM, 0);
        t.bind(first, address);
        int second = t.socket(AF_UNIX, SOCK_STREAM, 0);
        t.bind(second, address, new(EADDRINUSE, "the first socket has the name"));
        t.close(first);
        t.bind(second, address);
    }

    private static int Listener(Trace t, uint host, out byte[] address)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(host, 0));
        t.listen(listener, 16);
        address = t.getsockname(listener);
        return listener;
    }
}
