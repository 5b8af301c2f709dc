using Multiplex.Load.Measuring;

namespace Multiplex.Load.Reporting;

/// <summary>The agents of a load that many machines made together.</summary>
/// <param name="Nats">Where they and their coordinator met.</param>
/// <param name="ClockErrorUs">By how much the moments at which they began can differ from the one that was agreed on, in microseconds: the greatest of all agents.</param>
/// <param name="Agents">Each of them. What is counted adds up to the whole.</param>
public sealed record AgentsReport(string Nats, double ClockErrorUs, IReadOnlyList<AgentReport> Agents);

/// <summary>One agent.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Host">Its machine's name.</param>
/// <param name="Role">load or measure.</param>
/// <param name="Connections">Its connections that sent requests.</param>
/// <param name="Requests">Requests whose latencies it recorded.</param>
/// <param name="Replies">Right replies within the measured time.</param>
/// <param name="Unanswered">Requests that never had a reply.</param>
/// <param name="ThroughputPerS">Right replies a second; null when nothing was measured.</param>
/// <param name="LatencyUs">Its latencies.</param>
/// <param name="LagUs">In an open loop: its own delay of sending.</param>
/// <param name="BusiestThread">The share of its time in which its busiest client thread was busy.</param>
/// <param name="Errors">Its errors.</param>
/// <param name="ClockErrorUs">The bound of the error of its clock, in microseconds.</param>
/// <param name="Environment">Its machine.</param>
public sealed record AgentReport(
    string Name,
    string Host,
    string Role,
    int Connections,
    long Requests,
    long Replies,
    long Unanswered,
    double? ThroughputPerS,
    LatencyReport LatencyUs,
    LatencyReport? LagUs,
    double BusiestThread,
    LoadErrors Errors,
    double ClockErrorUs,
    MachineReport Environment);
