using Multiplex.Servers;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>What fixtures run over. A new model in the catalog joins by itself.</summary>
public static class Cells
{
    /// <summary>Every model.</summary>
    public static IEnumerable<string> Models => ServerModelCatalog.All.Select(entry => entry.Name);

    /// <summary>Every model on every kind of stream endpoint.</summary>
    public static IEnumerable<TestFixtureData> ModelsAndForms => Pairs(kind => kind.IsStream());

    /// <summary>Every model on every kind of endpoint that keeps the boundaries of messages and that it serves.</summary>
    public static IEnumerable<TestFixtureData> ModelsAndMessageForms => Pairs(kind => !kind.IsStream());

    /// <summary>The kinds of endpoint that a model serves.</summary>
    public static ListenForm[] FormsOf(string model) =>
        [.. Enum.GetValues<ListenForm>().Where(form => ServerModelCatalog.Find(model)!.Kinds.Contains(form.Kind()))];

    /// <summary>Whether a model serves each connection in a process of its own.</summary>
    public static bool Forks(string model) => ServerModelCatalog.Find(model)!.Forks;

    /// <summary>Whether a model's call that takes long holds others up.</summary>
    public static bool StallsOthers(string model) => ServerModelCatalog.Find(model)!.StallsOthers;

    /// <summary>Whether a model answers the calls of a connection in their order.</summary>
    public static bool KeepsOrder(string model) => !ServerModelCatalog.Find(model)!.AnswersInAnyOrder;

    private static IEnumerable<TestFixtureData> Pairs(Func<EndpointKind, bool> which) =>
        from model in ServerModelCatalog.All
        from form in Enum.GetValues<ListenForm>()
        where which(form.Kind()) && model.Kinds.Contains(form.Kind())
        select new TestFixtureData(model.Name, form);
}
