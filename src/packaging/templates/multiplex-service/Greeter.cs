/// <summary>The service: there is one for each call, with a scope of its own.</summary>
public sealed class Greeter(ILogger<Greeter> log) : IGreeter
{
    public ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken)
    {
        log.LogInformation("greets {Name}", name);
        return new($"hello, {name}");
    }
}
