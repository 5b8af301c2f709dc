using NSubstitute;

namespace Multiplex.HostingTests;

/// <summary>Code that uses a contract is tested without a server, since a contract is an interface.</summary>
public class MockedContractTests
{
    [Test]
    public async Task A_contract_is_mocked()
    {
        IGreeter greeter = Substitute.For<IGreeter>();
        greeter.GreetAsync("world", Arg.Any<CancellationToken>()).Returns("hello, mock");
        Assert.That(await new Welcome(greeter).Line("world"), Is.EqualTo("# hello, mock"));
        await greeter.Received(1).GreetAsync("world", Arg.Any<CancellationToken>());
    }

    private sealed class Welcome(IGreeter greeter)
    {
        public async Task<string> Line(string name) => $"# {await greeter.GreetAsync(name)}";
    }
}
