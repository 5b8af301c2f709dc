namespace Multiplex.ServerTests.Harness;

/// <summary>The counters of a running server, read as it counts, through <c>--counters FILE</c>.</summary>
internal sealed class SharedCounters : IDisposable
{
    private readonly Lazy<ServerCounters> _counters;

    public SharedCounters() => _counters = new(() => ServerCounters.OpenReadOnly(Path));

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.counters");

    /// <summary>The server's option.</summary>
    public string[] Option => ["--counters", Path];

    public long this[Counter counter] => _counters.Value[counter];

    /// <summary>Waits until a counter has a value.</summary>
    public void Await(Counter counter, long value) =>
        Eventually.Holds(() => this[counter] >= value, () => $"{ServerCounters.NameOf(counter)} is {this[counter]}, not {value}");

    public void Dispose()
    {
        if (_counters.IsValueCreated)
            _counters.Value.Dispose();
        File.Delete(Path);
    }
}
