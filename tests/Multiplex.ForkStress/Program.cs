using System.Text;
using Multiplex;
using Multiplex.ForkStress;
using Multiplex.Interop;
using Multiplex.Rpc;
using Multiplex.Servers;
using Multiplex.Sockets;

// A server like the command's, with protocols that the command does not have:
//   Multiplex.ForkStress                             garbage on the model fork
//   Multiplex.ForkStress slow fork|prefork COUNTERS  calls that take long, with a reply cache, and its counters in a file
// Before anything else: the runtime that forks.
ForkRuntime.Enter();

bool slow = args is ["slow", _, _];
string model = slow ? args[1] : "fork";
using ServerCounters counters = new(slow ? args[2] : null);
using ServerCounters scratch = new();
using StopSignal stop = StopSignal.BySignal();
Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), backlog: 1024);
ServerModelCatalog.Find(model)!.Create().Run(new Service([listener], Protocol(counters), new ServerOptions { Workers = 4 }, counters, stop)
{
    Ready = () => WriteLine(1, $"listening {listener.Local} model={model} protocol={(slow ? "slow" : "garbage")} pid={Environment.ProcessId}"),
    WarmUp = new(Protocol(scratch), scratch, slow ? [0x80, 0, 0, 40, .. new byte[11], 2, .. new byte[28]] : new byte[GarbageProtocol.RequestLength]),
});
WriteLine(2, $"stopped {counters.Summary()}");
return 0;

IProtocol Protocol(ServerCounters of) =>
    slow ? new RpcProtocol(new SlowProgram(of)) : new GarbageProtocol(of);

// Not Console, which may start a thread.
static void WriteLine(int descriptor, string line) =>
    Libc.write(descriptor, Encoding.UTF8.GetBytes(line + "\n")).OrThrow("write");
