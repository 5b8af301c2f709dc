using Multiplex.Servers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>What fixtures run over. A new model in the catalog joins by itself.</summary>
public static class Cells
{
    /// <summary>Every model.</summary>
    public static IEnumerable<string> Models => ServerModelCatalog.All.Select(entry => entry.Name);

    /// <summary>Every model on every kind of stream endpoint.</summary>
    public static IEnumerable<TestFixtureData> ModelsAndForms =>
        from model in Models from form in Enum.GetValues<ListenForm>() select new TestFixtureData(model, form);

    /// <summary>Whether a model serves each connection in a process of its own.</summary>
    public static bool Forks(string model) => ServerModelCatalog.Find(model)!.Forks;
}
