using System.Runtime.CompilerServices;
using Multiplex.Demo;
using Multiplex.Rpc;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace Multiplex.Tour.Lessons;

/// <summary>The eleventh lesson: a remote procedure call, byte by byte, and the stubs that hide the bytes.</summary>
internal static class Lesson11_Rpc
{
    private const uint Xid = 0x2a;
    private const int Calls = 1000;

    public static Lesson Lesson { get; } = new(
        "rpc",
        "a call on the wire, byte by byte",
        [
            new("What is in the message of a remote procedure call?",
                "A transaction number (xid), the numbers of the program, its version and the procedure, a credential, and the arguments. The reply has the same "
                + "xid, says whether the call was carried out, and has the results. Arguments and results are in XDR, a form that does not depend on the "
                + "machine: big-endian, in units of four bytes, lengths before contents."),
            new("What do the stubs do?",
                "The client stub looks like the procedure: it marshals the arguments, sends the call, waits, and unmarshals the results. The server stub "
                + "unmarshals the arguments, calls the procedure, and marshals the results. Both are generated from the procedure's signature. In C "
                + "rpcgen(1) makes them, for the calls of rpc(3). The Network File System is the classic program of this kind: serve --protocol nfs."),
            new("How does a remote call differ from a local one?",
                "It is slower by a factor of some thousands, and it can fail in ways that a local call cannot: the server may not know the procedure, may be "
                + "down, or may have done its work while the reply was lost. The last lesson is about that."),
        ],
        [
            new("Marshalling: values in XDR", Marshalling),
            new("A call and its reply, word by word", OneCall),
            new("A call that the server refuses", Refusals),
            new("The same call through the stub", ThroughTheStub),
            new("A local call and a remote call", LocalAndRemote),
        ]);

    private static void Marshalling(Trace t)
    {
        t.Show("int -1");
        Words.Show(t, Encoded(writer => writer.WriteInt32(-1)), "two's complement");
        t.Show("unsigned hyper 5");
        Words.Show(t, Encoded(writer => writer.WriteUInt64(5)), "the high half comes first", "the low half");
        t.Show("bool TRUE");
        Words.Show(t, Encoded(writer => writer.WriteBool(true)), "one bit takes four bytes");
        t.Show("string \"hello\"");
        Words.Show(t, Encoded(writer => writer.WriteOpaque("hello"u8)), "length: 5 bytes", "hell", "o, and zeros up to a multiple of 4");
        t.Say("A pointer cannot be sent. What it points to is copied: \"optional\" data has a bool before it that says whether it is there.");
        t.Show("a pointer to the int 7, and a null pointer");
        Words.Show(t, Encoded(writer =>
        {
            writer.WriteBool(true);
            writer.WriteInt32(7);
            writer.WriteBool(false);
        }), "it is there", "7", "it is not there");
    }

    private static void OneCall(Trace t)
    {
        using LessonServer server = Server();
        t.Say($"A server of this process serves program 0x{MultiplexV1.Program:x}, version 1. Procedure 4, ADD, adds to its one counter.");
        int socket = Connect(t, server);
        OutputBuffer call = new();
        CallWriter.Record(call, Xid, MultiplexV1.Of(MultiplexV1Procedure.Add), writer => writer.WriteUInt64(5));
        t.send(socket, call.Written);
        Words.Show(
            t, call.Written, "record mark: last fragment, 48 bytes", "xid: names this call", "CALL", "RPC version 2", "program", "version of the program", "procedure ADD",
            "credential: AUTH_NONE", "its length", "verifier: AUTH_NONE", "its length", "argument, an unsigned hyper:", "5");
        byte[] reply = t.recv(socket, 256);
        Words.Show(
            t, reply, "record mark: last fragment, 32 bytes", "xid: the reply to that call", "REPLY", "MSG_ACCEPTED", "verifier: AUTH_NONE", "its length", "SUCCESS",
            "result, an unsigned hyper:", "5");
        Trace.Check(Words.At(reply, 1) == Xid, "the reply has the call's xid");
    }

    private static void Refusals(Trace t)
    {
        using LessonServer server = Server();
        int socket = Connect(t, server);
        t.Say("Procedure 99 of the program:");
        byte[] noProcedure = Exchange(t, socket, new(MultiplexV1.Program, MultiplexV1.Version, 99));
        Words.Show(t, noProcedure.AsSpan(3 * 4), "MSG_ACCEPTED", "verifier: AUTH_NONE", "its length", "PROC_UNAVAIL: no such procedure");
        t.Say("Version 7 of the program:");
        byte[] noVersion = Exchange(t, socket, new(MultiplexV1.Program, 7, 0));
        Words.Show(t, noVersion.AsSpan(3 * 4), "MSG_ACCEPTED", "verifier: AUTH_NONE", "its length", "PROG_MISMATCH: no such version", "the lowest that there is", "the highest");
        t.Say("Another program:");
        byte[] noProgram = Exchange(t, socket, new(0x20999999, 1, 0));
        Words.Show(t, noProgram.AsSpan(3 * 4), "MSG_ACCEPTED", "verifier: AUTH_NONE", "its length", "PROG_UNAVAIL: no such program");
    }

    private static void ThroughTheStub(Trace t)
    {
        using LessonServer server = Server();
        t.Say("multiplex.x declares the procedure: unsigned hyper MULTIPLEX_ADD(unsigned hyper) = 4. The generator makes a class from it, and the call is a line of C#:");
        using RpcClient connection = new(server.Local);
        MultiplexV1Client client = new(connection);
        t.Show($"client.Add(5) = {client.Add(5)}");
        ulong sum = client.Add(5);
        t.Show($"client.Add(5) = {sum}");
        Trace.Check(sum == 10, "the server has added twice");
        t.Say("A refusal becomes an exception:");
        try
        {
            client.Sleep(MultiplexConstants.MaxSleep + 1);
        }
        catch (RpcRefusedException e)
        {
            t.Show($"client.Sleep({MultiplexConstants.MaxSleep + 1}): {e.GetType().Name}");
        }
    }

    private static void LocalAndRemote(Trace t)
    {
        using LessonServer server = Server();
        using RpcClient connection = new(server.Local);
        MultiplexV1Client client = new(connection);
        ulong sum = 0;
        double local = MicrosecondsEach(() => sum = Add(sum, 1)), remote = MicrosecondsEach(() => client.Add(1));
        Trace.Check(sum == Calls && (ulong)server.Counters[Counter.Sum] == Calls, "both have added");
        t.Show($"{Calls} additions by a function of this process  {local,8:0.000} us each");
        t.Show($"{Calls} additions by a procedure of a server     {remote,8:0.000} us each");
        t.Say("And this server is on the same machine.");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Add(ulong sum, ulong amount) => sum + amount;

    private static double MicrosecondsEach(Action call)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Calls; i++)
            call();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / Calls;
    }

    private static byte[] Exchange(Trace t, int socket, RpcProcedure procedure)
    {
        OutputBuffer call = new();
        CallWriter.Record(call, Xid, procedure);
        t.send(socket, call.Written);
        return t.recv(socket, 256);
    }

    private static byte[] Encoded(MarshalArguments write)
    {
        OutputBuffer output = new();
        write(new XdrWriter(output));
        return output.Written.ToArray();
    }

    private static LessonServer Server() => new(counters => new RpcProtocol(new MultiplexProgram(counters)), "tcp://127.0.0.1:0");

    private static int Connect(Trace t, LessonServer server)
    {
        int socket = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(socket, AddressLookup.Find(server.Local, passive: false)[0]);
        return socket;
    }
}
