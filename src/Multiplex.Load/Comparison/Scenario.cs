namespace Multiplex.Load.Comparison;

/// <summary>One kind of load that models are compared under.</summary>
/// <param name="Name">What <c>--scenarios</c> takes.</param>
/// <param name="LookFor">What the figures show, in two sentences.</param>
/// <param name="Connections">Connections.</param>
/// <param name="Depth">Requests under way on each.</param>
/// <param name="SizeBytes">Payload.</param>
/// <param name="CallsPerConnection">Replies after which a connection is made anew; 0 keeps it.</param>
public sealed record Scenario(string Name, string LookFor, int Connections, int Depth, int SizeBytes, int CallsPerConnection = 0)
{
    /// <summary>Every scenario: a new one joins by one line.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("echo", "Small calls, one at a time on each of 50 connections: the price of waiting and switching. Look at CPU and context switches per request.", 50, 1, 64),
        new("pipeline", "The same with 16 calls under way on each connection. A model that answers a batch with one send gains most.", 50, 16, 64),
        new("churn", "A new connection for each call, eight at a time. Look at what it costs to make a process or to hand a connection to a thread.", 8, 1, 64, 1),
    ];
}
