using NSubstitute;
using Xunit;

namespace Greeter.Tests;

/// <summary>What calls a service is tested without one: the contract is an interface, so a mock takes the client's place.</summary>
public class LetterTests
{
    [Fact]
    public async Task A_letter_begins_with_the_greeting()
    {
        IGreeter greeter = Substitute.For<IGreeter>();
        greeter.GreetAsync("world", Arg.Any<CancellationToken>()).Returns("hello, mock");
        Assert.Equal("hello, mock: how are you?", await new Letter(greeter).WriteAsync("world"));
        await greeter.Received(1).GreetAsync("world", Arg.Any<CancellationToken>());
    }

    private sealed class Letter(IGreeter greeter)
    {
        public async Task<string> WriteAsync(string name) => $"{await greeter.GreetAsync(name)}: how are you?";
    }
}
