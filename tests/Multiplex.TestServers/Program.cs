using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Multiplex;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.TestServers;

// Servers like the command's, with protocols that the command does not have:
//   Multiplex.TestServers garbage                             garbage on the model fork
//   Multiplex.TestServers slow fork|prefork COUNTERS          calls that take long, with a reply cache, and its counters in a file
//   Multiplex.TestServers everything MODEL ENDPOINT …         the programs of everything.x
//   Multiplex.TestServers waiting MODEL ENDPOINT …            the contract IWaiting, whose procedures are async, by RpcServer
//   Multiplex.TestServers tally MODEL ENDPOINT …              the contract ITally, whose procedures are not, by RpcServer
//   Multiplex.TestServers call SERVER                         no server: a client that calls again and again
//   Multiplex.TestServers add SERVER CLIENTS CALLS [once]     no server: clients that add, and count what they are told; once: the servers share their replies
if (args is ["call", _])
    return await CallingClient.Run(args[1]);
if (args is ["add", _, _, _, ..])
    return await AddingClients.Run(args[1], int.Parse(args[2], CultureInfo.InvariantCulture), int.Parse(args[3], CultureInfo.InvariantCulture), areRepeated: args is [.., "once"]);
if (args is ["waiting" or "tally", _, ..])
    return await ContractServer.Run(args[0] == "tally" ? new Tally() : new Waiting(), args[1], args[2..]);
(string name, string[] endpoints, string? file, Func<ServerCounters, IProtocol> protocol) = args switch
{
    ["garbage"] => ("fork", ["tcp://127.0.0.1:0"], null, of => new GarbageProtocol(of)),
    ["slow", _, _] => (args[1], ["tcp://127.0.0.1:0"], args[2], of => new RpcProtocol(new SlowProgram(of))),
    ["everything", _, ..] => (args[1], args[2..], (string?)null, (Func<ServerCounters, IProtocol>)(_ => EverythingProgram.Protocol())),
    _ => throw new ArgumentException("which server?"),
};

// First of all, as it prepares the runtime for fork(2).
ServerModelEntry model = ServerModelCatalog.Find(name)!;
if (model.Forks)
    ForkRuntime.Enter();

// Not disposed: where the model has threads, one may still count.
ServerCounters counters = new(file);
using StopSignal stop = model.Forks ? StopSignal.BySignal() : StopSignal.ByRequest();
using IDisposable? handler = (stop as StopSource) is { } requestable ? PosixSignalRegistration.Create(PosixSignal.SIGTERM, Request(requestable)) : null;
ServerOptions options = new() { Workers = 4 };
BoundSocket[] sockets = [.. endpoints.Select(text => Open(Endpoint.Parse(text)))];
model.Create().Run(new Service([.. sockets.OfType<Listener>()], protocol(counters), options, counters, stop)
{
    Datagrams = [.. sockets.OfType<DatagramSocket>()],
    Ready = () => Array.ForEach(sockets, socket => WriteLine(1, $"listening {socket.Local} model={name} protocol={args[0]} pid={Environment.ProcessId}")),
});
WriteLine(2, $"stopped {counters.Summary()}");
return 0;

BoundSocket Open(Endpoint endpoint) =>
    endpoint.Kind.IsDatagram() ? DatagramSocket.Open(endpoint, shared: model.Loops(options) > 1) : Listener.Open(endpoint, backlog: 1024, shared: model.Loops(options) > 1);

static Action<PosixSignalContext> Request(StopSource stop) => context =>
{
    context.Cancel = true;
    stop.Request();
};

// Not Console, which may start a thread.
static void WriteLine(int descriptor, string line) =>
    Libc.write(descriptor, Encoding.UTF8.GetBytes(line + "\n")).OrThrow("write");
