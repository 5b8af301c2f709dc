using System.Text;
using Multiplex;
using Multiplex.ForkStress;
using Multiplex.Interop;
using Multiplex.Servers;
using Multiplex.Sockets;

// A server like the command's, with a protocol that the command does not have. Before anything else: the runtime that forks.
ForkRuntime.Enter();

using ServerCounters counters = new();
using ServerCounters scratch = new();
using StopSignal stop = StopSignal.BySignal();
Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), backlog: 1024);
new ForkModel().Run(new Service([listener], new GarbageProtocol(counters), new ServerOptions(), counters, stop)
{
    Ready = () => WriteLine(1, $"listening {listener.Local} model=fork protocol=garbage pid={Environment.ProcessId}"),
    WarmUp = new(new GarbageProtocol(scratch), new byte[GarbageProtocol.RequestLength]),
});
WriteLine(2, $"stopped {counters.Summary()}");
return 0;

// Not Console, which may start a thread.
static void WriteLine(int descriptor, string line) =>
    Libc.write(descriptor, Encoding.UTF8.GetBytes(line + "\n")).OrThrow("write");
