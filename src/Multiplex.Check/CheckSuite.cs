using Multiplex.Check.Calls;

namespace Multiplex.Check;

/// <summary>The checks of servers of one protocol.</summary>
/// <param name="Protocol">Its name: echo or rpc.</param>
/// <param name="Exchange">The requests by which a client finds whether it is served.</param>
/// <param name="Checks">The checks, in the order in which they are made: those that may end a server come late.</param>
public sealed record CheckSuite(string Protocol, IExchange Exchange, IReadOnlyList<ServerCheck> Checks)
{
    /// <summary>The names of the protocols.</summary>
    public static IReadOnlyList<string> Protocols { get; } = ["echo", "rpc"];

    /// <summary>The names of all checks of all protocols.</summary>
    public static IReadOnlyList<string> Names
    {
        get
        {
            CheckedProgram program = new(0, 0, 0);
            CheckSuite[] suites = [Echo, RpcOverStreams(program), RpcOverDatagrams(program)];
            return [.. suites.SelectMany(suite => suite.Checks).Select(check => check.Name).Distinct()];
        }
    }

    /// <summary>RFC 862: every byte comes back.</summary>
    public static CheckSuite Echo { get; } = new("echo", new EchoExchange(), [.. StreamChecks.All, .. ClientChecks.All, .. ProcessChecks.All]);

    /// <summary>ONC RPC over streams, RFC 5531.</summary>
    public static CheckSuite RpcOverStreams(CheckedProgram program)
    {
        CallExchange exchange = new(program);
        return new("rpc", exchange,
        [
            .. new AnswerChecks(exchange).All, .. new RecordChecks(exchange).All,
            .. ClientChecks.All.Where(check => check.Name != "isolation").Concat(ProcessChecks.All)
                .Select(check => check with { Needs = check.Needs == "echo" ? AnswerChecks.First : check.Needs }),
        ]);
    }

    /// <summary>ONC RPC over datagrams.</summary>
    public static CheckSuite RpcOverDatagrams(CheckedProgram program)
    {
        CallExchange exchange = new(program);
        return new("rpc", exchange, [.. new AnswerChecks(exchange).All, .. new DatagramChecks(exchange).All]);
    }
}

/// <summary>Requests whose replies are known.</summary>
public interface IExchange
{
    /// <summary>Makes one request.</summary>
    /// <param name="seed">Requests of different seeds differ.</param>
    byte[] Request(int seed = 0);

    /// <summary>Makes whole requests, of this many bytes or a few more.</summary>
    byte[] Requests(int length);

    /// <summary>Receives their replies.</summary>
    /// <param name="client">The client that has sent them.</param>
    /// <param name="requests">What <see cref="Request"/> or <see cref="Requests"/> returned.</param>
    /// <exception cref="ServerFaultException">Others came, or none in time.</exception>
    void Receive(CheckClient client, ReadOnlySpan<byte> requests);

    /// <summary>Receives the replies after this many bytes were sent: the requests, again and again from the first. If the last request was sent in part, sends the rest of it first.</summary>
    /// <exception cref="ServerFaultException">Others came, or none in time.</exception>
    void ReceiveRepeated(CheckClient client, ReadOnlySpan<byte> requests, long sent);
}
