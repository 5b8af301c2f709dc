using System.Net;
using System.Net.Sockets;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>The real command as a server in a process of its own.</summary>
internal static class ServedCommand
{
    extension(ServerProcess)
    {
        /// <summary>The command under test: MULTIPLEX_COMMAND, or else the command that was built with the tests.</summary>
        public static string Command => Environment.GetEnvironmentVariable("MULTIPLEX_COMMAND") ?? Path.Combine(AppContext.BaseDirectory, "Multiplex.Cli");

        /// <summary>The tests' own servers: MULTIPLEX_TEST_SERVERS, or else the program that was built with the tests.</summary>
        public static string TestServers =>
            Environment.GetEnvironmentVariable("MULTIPLEX_TEST_SERVERS") ?? Path.Combine(AppContext.BaseDirectory, "Multiplex.TestServers");

        /// <summary>Starts <c>multiplex serve</c> and waits until it listens on one endpoint.</summary>
        public static ServerProcess Start(string model, string protocol, ListenForm form, params string[] options) =>
            ServerProcess.Start(model, protocol, [form.NewEndpoint()], options);

        /// <summary>Starts <c>multiplex serve</c> and waits until it listens on all of these endpoints.</summary>
        public static ServerProcess Start(string model, string protocol, string[] endpoints, params string[] options) =>
            ServerProcess.StartProgram(ServerProcess.Command, [.. ServerProcess.ServeArguments(model, protocol, endpoints), .. options], endpoints.Length);

        /// <summary>What follows the command's name.</summary>
        /// <param name="model">The model, with options of its own where it has some: see <see cref="Cells.Served"/>.</param>
        /// <param name="protocol">The protocol.</param>
        /// <param name="endpoints">Where to listen.</param>
        public static IEnumerable<string> ServeArguments(string model, string protocol, params string[] endpoints) =>
            ["serve", "--model", .. model.Split(' '), "--protocol", protocol, .. endpoints.SelectMany(e => new[] { "--listen", e })];

        /// <summary>Starts any program that prints the same first lines as the command.</summary>
        public static ServerProcess StartProgram(string program, IEnumerable<string> arguments, int endpoints = 1)
        {
            ServerProcess server = new TestedProcess(program, arguments);
            server.AwaitListening(endpoints, Eventually.Deadline);
            return server;
        }

        /// <summary>Starts the command and waits for nothing.</summary>
        public static ServerProcess Launch(params string[] arguments) => new TestedProcess(ServerProcess.Command, arguments);

        /// <summary>Starts any program and waits for nothing.</summary>
        public static ServerProcess LaunchProgram(string program, params string[] arguments) => new TestedProcess(program, arguments);

        /// <summary>kill(2) on any process of a server.</summary>
        public static void Signal(int id, Signum signal) =>
            Assert.That(Syscall.kill(id, signal), Is.Zero, () => $"kill {id}: {Stdlib.GetLastError()}");
    }

    extension(ServerProcess server)
    {
        /// <summary>Where it listens, in the order of <c>--listen</c>.</summary>
        public IReadOnlyList<ServerAddress> Addresses => [.. server.Endpoints.Select(endpoint => new ServerAddress(endpoint))];

        public ServerAddress Address => new(server.Endpoint);

        /// <summary>Whether it answers a call over a new connection, which it closes otherwise.</summary>
        /// <param name="header">What is sent before the call.</param>
        /// <param name="from">The address to connect from; null: the kernel chooses.</param>
        public bool Answers(byte[]? header = null, EndPoint? from = null)
        {
            using TestClient client = new(server.Address, from);
            try
            {
                client.Send([.. header ?? [], .. RpcWire.CallRecord(9, RpcWire.Null)]);
                return client.Receive(28).AsSpan(4, 4).SequenceEqual(RpcWire.UInt(9));
            }
            catch (Exception e) when (e is EndOfStreamException or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
            {
                return false;
            }
        }

        /// <summary>kill(2).</summary>
        public void Signal(Signum signal) => ServerProcess.Signal(server.Id, signal);

        /// <summary>kill(2) on every process of this server, as a terminal does to a group.</summary>
        public void SignalAll(Signum signal) => server.SignalAll(NativeConvert.FromSignum(signal));

        /// <summary>Sends a signal and waits until the server has taken it, so that the next one cannot merge with it.</summary>
        public void SignalAndAwaitTaken(Signum signal)
        {
            server.Signal(signal);
            Eventually.Holds(
                () => !ProcessTable.HasPending(server.Id, NativeConvert.FromSignum(signal)), $"{signal} is not taken by process {server.Id}");
        }

        /// <summary>The server's child processes, zombies too.</summary>
        public List<ProcessEntry> Children() => ProcessTable.ChildrenOf(server.Id);

        /// <summary>All living processes of this server, also those whose parent has ended.</summary>
        public List<ProcessEntry> Processes() => [.. server.ProcessIds.Select(ProcessTable.Find).OfType<ProcessEntry>()];

        /// <summary>Resident memory of all its processes, without program code and other files.</summary>
        public long ResidentBytes() => server.ProcessIds.Sum(ProcessTable.ResidentBytes);

        /// <summary>A figure of the last line, <c>stopped NAME=VALUE …</c>; 0 when it is not in there.</summary>
        public long FinalCount(Counter counter)
        {
            string line = server.Errors.Single(error => error.StartsWith("stopped", StringComparison.Ordinal));
            string? entry = line.Split(' ').FirstOrDefault(word => word.StartsWith($"{ServerCounters.NameOf(counter)}=", StringComparison.Ordinal));
            return entry is null ? 0 : long.Parse(entry[(entry.IndexOf('=') + 1)..]);
        }
    }

    // Describes the server where the test has failed, and removes the names of its sockets.
    private sealed class TestedProcess(string program, IEnumerable<string> arguments) : ServerProcess(program, arguments)
    {
        protected override void BeforeKill()
        {
            if (TestContext.CurrentContext.Result.FailCount > 0)
                Describe();
            foreach (string path in this.Addresses.Select(address => address.FilePath).OfType<string>())
                File.Delete(path);
        }

        // Its counters say most about a failure, and it writes them when it stops.
        private void Describe()
        {
            TestContext.Out.WriteLine($"server {Id}, children {string.Join(' ', this.Children())}");
            Syscall.kill(Id, Signum.SIGTERM);
            HasExitedWithin(TimeSpan.FromSeconds(5));
            TestContext.Out.WriteLine($"standard error: {string.Join('\n', Errors)}");
        }
    }
}
