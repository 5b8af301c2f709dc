using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Multiplex.Models;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server.Stores;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Rpc.Server;

/// <summary>What a <see cref="RpcServer"/> serves, where, on which model, and within which limits.</summary>
/// <example>
/// <code>
/// RpcServerOptions options = new() { MaxRecord = 64 * 1024, ServerOptions = new() { MaxConnections = 1000 } };
/// options.Listen("tcp://127.0.0.1:0").Listen("unix:/run/greeter.sock").UseModel("reactors").AddProgram(new Greeter());
/// await using RpcServer server = await RpcServer.StartAsync(options);
/// </code>
/// </example>
public sealed class RpcServerOptions
{
    private readonly List<Func<IEnumerable<IRpcProgram>>> _programs = [];

    /// <summary>Where it listens: at least one endpoint.</summary>
    public IList<Endpoint> Endpoints { get; } = [];

    /// <summary>The server model, by its name in <see cref="ServerModelCatalog"/>. epoll.</summary>
    public string Model { get; set; } = "epoll";

    /// <summary>The limits on connections, memory and time.</summary>
    public ServerOptions ServerOptions { get; set; } = new();

    /// <summary>How many connections may wait to be accepted; the kernel caps it at net.core.somaxconn. 4096.</summary>
    public int Backlog { get; set; } = 4096;

    /// <summary>Of TCP: after how much silence a connection is probed, from 1 second to 9 hours; zero is never. A minute.</summary>
    public TimeSpan KeepAlive { get; set; } = Sockets.KeepAlive.Usual;

    /// <summary>The longest record that is received, in bytes: see <see cref="RpcProtocol.MaxRecord"/>.</summary>
    public int MaxRecord { get; set; } = RpcProtocol.UsualMaxRecord;

    /// <summary>Which calls are allowed; null allows all: see <see cref="RpcProtocol.Access"/>.</summary>
    public RpcAccess? Access { get; set; }

    /// <summary>RPC with TLS; null, the default, has none: see <see cref="RpcProtocol.Tls"/>.</summary>
    public TlsServerOptions? Tls { get; set; }

    /// <summary>How many replies are remembered, and for how long; null runs every repeat: see <see cref="RpcProtocol.Replies"/>.</summary>
    public ReplyCacheOptions? Replies { get; set; } = new();

    /// <summary>
    /// Remembers the calls that must not be run twice for all servers that share it; null, the default: each server has its own memory. It is not disposed of with the server: see
    /// <see cref="RpcProtocol.ReplyStore"/>.
    /// </summary>
    public IReplyStore? ReplyStore { get; set; }

    /// <summary>Whether arguments with padding that is not zero are garbage: see <see cref="RpcProtocol.Strict"/>.</summary>
    public bool Strict { get; set; }

    /// <summary>
    /// In which order the replies of one connection leave. <see cref="ReplyOrder.Any"/>: a call that takes long holds up no other. Clients of libtirpc
    /// that give calls up and go on need <see cref="ReplyOrder.Calls"/>: see <see cref="RpcProtocol.ReplyOrder"/>.
    /// </summary>
    public ReplyOrder ReplyOrder { get; set; } = ReplyOrder.Any;

    /// <summary>How long a call of an async procedure may take before its token is cancelled; by default, for ever: see <see cref="RpcProtocol.CallTimeout"/>.</summary>
    public TimeSpan CallTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>Logs where the server listens, how it ends, failures of procedures, and each second the effect of limits. By default nothing is logged.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;

    /// <summary>
    /// Called with an exception that a procedure threw; null writes it to <see cref="Logger"/>, or without one, and on models that fork, to standard error: see
    /// <see cref="RpcProtocol.OnFailure"/>.
    /// </summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>Called for each call; null is none: see <see cref="RpcProtocol.Observer"/>.</summary>
    public RpcObserver? Observer { get; set; }

    /// <summary>Listens there too.</summary>
    /// <param name="endpoint">Such as <c>tcp://127.0.0.1:0</c>: see <see cref="Endpoint.Parse"/>. Port 0 lets the kernel choose: <see cref="RpcServer.Endpoints"/> says which.</param>
    /// <exception cref="FormatException">The text is no endpoint.</exception>
    public RpcServerOptions Listen(string endpoint) => Listen(Endpoint.Parse(endpoint));

    /// <summary>Listens there too.</summary>
    public RpcServerOptions Listen(Endpoint endpoint)
    {
        Endpoints.Add(endpoint);
        return this;
    }

    /// <summary>Serves on this model: see <see cref="Model"/>.</summary>
    public RpcServerOptions UseModel(string name)
    {
        Model = name;
        return this;
    }

    /// <summary>Serves an object: an <see cref="IRpcProgram"/>, or one that implements contracts. It serves all calls, on all threads of the server.</summary>
    /// <exception cref="ArgumentException">It is none, and implements none.</exception>
    public RpcServerOptions AddProgram(object implementation)
    {
        IReadOnlyList<IRpcProgram> programs = RpcPrograms.Of(implementation);
        _programs.Add(() => programs);
        return this;
    }

    /// <summary>Serves a contract with an object for each call.</summary>
    /// <typeparam name="T">The contract.</typeparam>
    /// <param name="begin">Makes the object, and what is disposed of after the call. It runs on the thread that received the call, and must not block.</param>
    /// <exception cref="ArgumentException">The type is no contract.</exception>
    public RpcServerOptions AddProgram<T>(Func<RpcContext, RpcCallScope<T>> begin)
        where T : class
    {
        IRpcProgram program = RpcPrograms.Of(new RpcInstances<T>(begin));
        _programs.Add(() => [program]);
        return this;
    }

    internal ServerModelEntry FindModel()
    {
        ServerModelEntry model = ServerModelCatalog.Find(Model) ?? throw new ArgumentException(
            $"there is no server model '{Model}': choose one of {string.Join(", ", ServerModelCatalog.All.Select(one => one.Name))}");
        if (Endpoints.Count == 0)
            throw new ArgumentException("the server has no endpoint: call Listen, as in Listen(\"tcp://127.0.0.1:0\")");
        foreach (Endpoint endpoint in Endpoints)
        {
            if (!model.Kinds.Contains(endpoint.Kind))
            {
                throw new ArgumentException($"{model.Name} does not serve {endpoint}; "
                    + string.Join(", ", ServerModelCatalog.All.Where(one => one.Kinds.Contains(endpoint.Kind)).Select(one => one.Name)) + " do");
            }
        }

        return model;
    }

    /// <summary>Makes the protocol.</summary>
    /// <param name="forks">
    /// Whether its calls run in forked children: a meter has no listener there, a logger no thread that writes, and a lock may have been held by a thread that
    /// there is not.
    /// </param>
    internal RpcProtocol MakeProtocol(bool forks)
    {
        IRpcProgram[] programs = [.. _programs.SelectMany(program => program())];
        if (programs.Length == 0)
            throw new ArgumentException("the server has no program: give it an object that implements a contract");
        return new(programs)
        {
            MaxRecord = MaxRecord,
            Access = Access,
            Tls = Tls,
            Replies = Replies,
            ReplyStore = ReplyStore,
            Strict = Strict,
            ReplyOrder = ReplyOrder,
            CallTimeout = CallTimeout,
            Observer = forks ? Observer : new ServerTelemetry(Observer),
            OnFailure = OnFailure ?? (forks || Logger == NullLogger.Instance ? RpcProtocol.ReportFailure : failure => ServerLog.ProcedureFailed(Logger, failure)),
        };
    }
}
