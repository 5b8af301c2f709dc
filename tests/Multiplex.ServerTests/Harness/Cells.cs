using Multiplex.Models;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>What fixtures run over. A new model in the catalog is included automatically.</summary>
public static class Cells
{
    private const string WithSpare = " --spare 1", RingOfEach = "uring --reactors 2";

    /// <summary>Every model, and again with each option that changes how it serves: what the contract runs over.</summary>
    public static IEnumerable<string> Served => [.. Models, .. ServerModelCatalog.All.Where(entry => entry.ForksEach).Select(entry => entry.Name + WithSpare), RingOfEach];

    /// <summary>Every model.</summary>
    public static IEnumerable<string> Models => ServerModelCatalog.All.Select(entry => entry.Name);

    /// <summary>Every model on which async procedures can continue on other threads: those that do not fork.</summary>
    public static IEnumerable<string> ModelsThatAwait => ServerModelCatalog.All.Where(entry => !entry.Forks).Select(entry => entry.Name);

    /// <summary>Every model that has TLS: those that do not fork.</summary>
    public static IEnumerable<string> ModelsWithTls => ModelsThatAwait;

    /// <summary>Every model that serves more than one connection at a time.</summary>
    public static IEnumerable<string> ModelsThatServeMany =>
        ServerModelCatalog.All.Where(entry => !entry.OneAtATime).Select(entry => entry.Name);

    /// <summary>Every model on every kind of stream endpoint.</summary>
    public static IEnumerable<TestFixtureData> ModelsAndForms => Pairs(kind => kind.IsStream());

    /// <summary>Every model that serves several clients at once, on every kind of stream endpoint.</summary>
    public static IEnumerable<TestFixtureData> ManyAndForms => Pairs(kind => kind.IsStream(), severalClients: true);

    /// <summary>Every model on every kind of endpoint that keeps the boundaries of messages and that it serves.</summary>
    public static IEnumerable<TestFixtureData> ModelsAndMessageForms => Pairs(kind => !kind.IsStream());

    /// <summary>The kinds of endpoint that a model serves.</summary>
    public static ListenForm[] FormsOf(string model) =>
        [.. Enum.GetValues<ListenForm>().Where(form => Entry(model).Kinds.Contains(form.Kind()))];

    /// <summary>Whether a model serves each connection in a process of its own, as long as it is open.</summary>
    public static bool Forks(string model) => Entry(model).Forks;

    /// <summary>Whether a call that takes long delays other calls.</summary>
    public static bool StallsOthers(string model) => Entry(model).StallsOthers;

    /// <summary>Whether a model runs calls of one connection at the same time.</summary>
    public static bool RunsCallsTogether(string model) => Entry(model).RunsCallsTogether;

    /// <summary>Whether a loop answers calls, so that several async calls of a connection are in flight at once.</summary>
    public static bool AnswersOnLoops(string model) => RunsCallsTogether(model) || (StallsOthers(model) && !Entry(model).OneAtATime);

    /// <summary>Whether a model serves several clients at once: with datagrams every model does, for there are no connections.</summary>
    public static bool ServesSeveralClients(string model, ListenForm form) => !Entry(model).OneAtATime || form.Kind().IsDatagram();

    /// <summary>Whether a model has its processes from the start.</summary>
    public static bool HasProcessesAhead(string model) => Entry(model) is { Forks: true, ForksEach: false };

    /// <summary>How many child processes a model has while there is no connection.</summary>
    public static int ProcessesAhead(string model) =>
        HasProcessesAhead(model) ? new ServerOptions().Workers : model.EndsWith(WithSpare, StringComparison.Ordinal) ? 1 : 0;

    /// <summary>Whether a limit to its workers, threads or processes keeps connections in the kernel's queue.</summary>
    public static bool PausesWhenBusy(string model)
    {
        ServerOptions few = new() { Workers = 2, MaxThreads = 2, MaxChildren = 2 };
        return Entry(model).ConnectionsAtATime(few) == 2;
    }

    private static IEnumerable<TestFixtureData> Pairs(Func<EndpointKind, bool> which, bool severalClients = false) =>
        from model in Served
        from form in FormsOf(model)
        where which(form.Kind()) && (!severalClients || ServesSeveralClients(model, form))
        select new TestFixtureData(model, form);

    private static ServerModelEntry Entry(string model) => ServerModelCatalog.Find(model.Split(' ')[0])!;
}
