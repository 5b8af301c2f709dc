namespace Greeter;

/// <summary>The service. There is one for each call, with a scope of its own, so that it may ask for what lives as long.</summary>
public sealed partial class Greetings(ILogger<Greetings> log) : IGreeter
{
    public async ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken)
    {
        LogGreeted(log, name);
        await Task.Delay(10, cancellationToken).ConfigureAwait(false);   // a database, say; no thread waits for it
        return $"hello, {name}";
    }

    [LoggerMessage(LogLevel.Information, "greets {Name}")]
    private static partial void LogGreeted(ILogger log, string name);
}
