using Multiplex.Load.Agents;

namespace Multiplex.Load.Nats.Messages;

/// <summary>
/// The subjects of the messages. They begin with the version of this protocol: agents and coordinators of different versions do not hear each other.
/// </summary>
internal static class Subjects
{
    private const string Root = "multiplex.load.v1";

    /// <summary>Asks all agents which they are; each answers with a <see cref="Hello"/>.</summary>
    public const string Find = $"{Root}.find";

    private const string Plan = "plan", Clock = "clock", Go = "go";

    /// <summary>All that is asked of one agent.</summary>
    public static string OfAgent(string id) => $"{Root}.agent.{id}.*";

    /// <summary>Gives it a <see cref="LoadPlan"/>.</summary>
    public static string PlanOf(string id) => $"{Root}.agent.{id}.{Plan}";

    /// <summary>Asks for its clock.</summary>
    public static string ClockOf(string id) => $"{Root}.agent.{id}.{Clock}";

    /// <summary>Says when it begins.</summary>
    public static string GoOf(string id) => $"{Root}.agent.{id}.{Go}";

    /// <summary>What agents tell the coordinator of a run: <see cref="Told"/>.</summary>
    public static string ToldOf(string run) => $"{Root}.run.{run}.told";

    /// <summary>What the coordinator of a run says to its agents: <see cref="Order"/>.</summary>
    public static string OrdersOf(string run) => $"{Root}.run.{run}.orders";

    public static bool IsPlan(string subject) => subject.EndsWith($".{Plan}", StringComparison.Ordinal);

    public static bool IsClock(string subject) => subject.EndsWith($".{Clock}", StringComparison.Ordinal);

    public static bool IsGo(string subject) => subject.EndsWith($".{Go}", StringComparison.Ordinal);
}
