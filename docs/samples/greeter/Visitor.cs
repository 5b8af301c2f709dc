namespace Greeter;

/// <summary>Calls the service once, as any other program would, and has the host stop.</summary>
internal sealed class Visitor(IGreeter greeter, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Console.WriteLine(await greeter.GreetAsync("world", stoppingToken).ConfigureAwait(false));
        lifetime.StopApplication();
    }
}
