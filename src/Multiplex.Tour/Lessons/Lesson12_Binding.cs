using Multiplex.Demo;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The twelfth lesson: how a client finds the port of a program.</summary>
internal static class Lesson12_Binding
{
    private const uint Xid = 0x2b, GetPort = 3;   // PMAPPROC_GETPORT of RFC 1833 section 3.2

    public static Lesson Lesson { get; } = new(
        "binding",
        "how a client finds a program's port",
        [
            new("How does a client find the port of a program?",
                "By static binding it has the port compiled in, or in its configuration. By dynamic binding it asks the name service of the server's host, "
                + "rpcbind, which has the one port that needs no asking for, 111. It sends the program's number and version and the transport, and gets the "
                + "port. The server has registered itself there when it started, with the port that the kernel chose."),
            new("What must a server do when it stops?",
                "Remove its registration; otherwise clients are sent to a port that no program has, or another one has by then."),
        ],
        [
            new("A name service knows itself at first", TheNameService),
            new("A server registers itself; a client asks", RegisterAndAsk),
            new("The question on the wire", TheQuestion),
            new("After the server has stopped", AfterTheServer),
        ]);

    private static void TheNameService(Trace t)
    {
        using LessonServer names = NameServer();
        t.Say($"This one is private and has a port of the kernel's choice. That of a machine has port {NameService.Port}: see multiplex rpcbind.");
        t.Show($"the name service listens at {names.Local}");
        ShowTable(t, names);
    }

    private static void RegisterAndAsk(Trace t)
    {
        using LessonServer names = NameServer(), server = Server();
        t.Show($"the server listens at {server.Local}");
        t.Say("The server exports itself: program, version, transport and address.");
        ServerRegistrations registered = Register(names, server);
        ShowTable(t, names);
        int port = int.Parse(server.Local.Port);
        t.Say($"The last two numbers of an address are the port's two bytes: {port >> 8} * 256 + {port & 255} = {port}.");
        t.Say("The client knows the host and the program's number, and asks before its first call:");
        (Endpoint found, uint version) = RemoteProgram.Parse($"rpc://127.0.0.1/0x{MultiplexV1.Program:x}/{MultiplexV1.Version}").Locate(names.Local);
        t.Show($"rpc://127.0.0.1/0x{MultiplexV1.Program:x}/{version} is {found}");
        Trace.Check(found.Port == server.Local.Port, "the name service tells the server's port");
        using RpcClient client = new(found);
        t.Show($"client.Add(5) = {new MultiplexV1Client(client).Add(5)}");
        registered.Remove();
    }

    private static void TheQuestion(Trace t)
    {
        using LessonServer names = NameServer(), server = Server();
        ServerRegistrations registered = Register(names, server);
        t.Say("The oldest version of the name service, 2, is called portmap. Its GETPORT over UDP is one datagram each way:");
        byte[] reply = Ask(t, names, show: true);
        Words.Show(t, reply, "xid", "REPLY", "MSG_ACCEPTED", "verifier: AUTH_NONE", "its length", "SUCCESS", $"the port: {Words.At(reply, 6)}");
        Trace.Check($"{Words.At(reply, 6)}" == server.Local.Port, "the reply has the server's port");
        registered.Remove();
    }

    private static void AfterTheServer(Trace t)
    {
        using LessonServer names = NameServer();
        using (LessonServer server = Server())
        {
            ServerRegistrations registered = Register(names, server);
            registered.Remove();
            t.Say("The server stops. Before it closes its sockets it removes its registration.");
        }

        ShowTable(t, names);
        byte[] reply = Ask(t, names, show: false);
        Words.Show(t, reply.AsSpan(5 * 4), "SUCCESS", "port 0: not registered");
        Trace.Check(Words.At(reply, 6) == 0, "the program is not registered");
    }

    private static byte[] Ask(Trace t, LessonServer names, bool show)
    {
        int socket = t.socket(AF_INET, SOCK_DGRAM, 0);
        OutputBuffer call = new();
        CallWriter.Message(call, Xid, new(NameService.Program, NameService.PortmapVersion, GetPort), writer =>
        {
            writer.WriteUInt32(MultiplexV1.Program);
            writer.WriteUInt32(MultiplexV1.Version);
            writer.WriteUInt32(IPPROTO_TCP);
            writer.WriteUInt32(0);
        });
        t.sendto(socket, call.Written, AddressLookup.Find(names.All[1], passive: false)[0]);
        if (show)
        {
            Words.Show(
                t, call.Written, "xid", "CALL", "RPC version 2", "program 100000: the name service", "version 2", "procedure GETPORT", "credential: AUTH_NONE", "its length",
                "verifier: AUTH_NONE", "its length", "which program", "which version", "which transport: TCP", "port: not used in the question");
        }

        return t.recv(socket, 256);
    }

    private static void ShowTable(Trace t, LessonServer names)
    {
        using NameServiceClient client = new(names.Local);
        foreach (Registration one in client.Dump())
            t.Show($"program {one.Program}  version {one.Version}  {one.Netid}  {one.Address}");
    }

    private static ServerRegistrations Register(LessonServer names, LessonServer server) =>
        ServerRegistrations.Make(names.Local, [(MultiplexV1.Program, MultiplexV1.Version)], [server.Local]);

    private static LessonServer NameServer()
    {
        NameService service = new(new());
        LessonServer server = new(_ => new NameServiceProtocol(service), "tcp://127.0.0.1:0", "udp://127.0.0.1:0");
        foreach (Endpoint local in server.All)
            service.RegisterItself(local);
        return server;
    }

    private static LessonServer Server() => new(counters => new RpcProtocol(new MultiplexProgram(counters)), "tcp://127.0.0.1:0");
}
