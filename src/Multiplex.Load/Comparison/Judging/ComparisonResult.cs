using System.Text.Json.Serialization;

namespace Multiplex.Load.Comparison.Judging;

/// <summary>The place of a server beside the one with the best median.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Place>))]
public enum Place
{
    /// <summary>It has the best median.</summary>
    Best,

    /// <summary>It is level with the best: the interval of their ratio lies within a few percent of 1.</summary>
    Level,

    /// <summary>Whether it differs from the best is not known: the rounds are too few, or too far apart.</summary>
    Unclear,

    /// <summary>The best has a lead over it.</summary>
    Behind,
}

/// <summary>The place of a server.</summary>
/// <param name="Server">Its name.</param>
/// <param name="Place">Its place.</param>
/// <param name="ToBest">The ratio of its figure to that of the best, with the p-value corrected; null for the best, and after a single round.</param>
public sealed record Standing(string Server, Place Place, PairedRatio? ToBest);

/// <summary>Which server is ahead at a point, by one figure.</summary>
/// <param name="By">The figure, by its key.</param>
/// <param name="Standings">The servers that have the figure, the best median first.</param>
public sealed record ComparisonResult(string By, IReadOnlyList<Standing> Standings)
{
    /// <summary>The figure.</summary>
    [JsonIgnore]
    public Metric Metric => Metric.Find(By);

    /// <summary>The best, and those that it has no lead over.</summary>
    [JsonIgnore]
    public IEnumerable<Standing> Ahead => Standings.Where(one => one.Place != Place.Behind);

    /// <summary>The servers that the best has a lead over, the best of them first.</summary>
    [JsonIgnore]
    public IEnumerable<Standing> Behind => Standings.Where(one => one.Place == Place.Behind);

    /// <summary>Whether this server alone is the best.</summary>
    public bool IsWonBy(string server) => Standings.Count > 1 && Ahead.Count() == 1 && Standings[0].Server == server;
}
