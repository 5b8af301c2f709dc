using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Greeter.Tests;

/// <summary>The service is tested as an object, or through a server of its own, on a port that the kernel chooses.</summary>
public class GreetingsTests
{
    private readonly Greetings _greetings = new(NullLogger<Greetings>.Instance);

    [Fact]
    public async Task It_greets() =>
        Assert.Equal("hello, world", await _greetings.GreetAsync("world", TestContext.Current.CancellationToken));

    [Fact]
    public async Task It_greets_a_client()
    {
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), _greetings);
        await using RpcClient client = await RpcClient.ConnectAsync(server.Endpoints[0], cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("hello, world", await client.Create<IGreeter>().GreetAsync("world", TestContext.Current.CancellationToken));
    }
}
