using Multiplex.Load.Nats;

namespace Multiplex.Tests.Load.Agents;

public class NatsUrlTests
{
    [TestCase("nats://localhost:4222", "nats://localhost:4222")]
    [TestCase("tls://nats.example.org", "tls://nats.example.org")]
    [TestCase("nats://user:secret@a:1,nats://b:2", "nats://…@a:1,nats://b:2")]
    [TestCase("nats://[::1]:4222", "nats://[::1]:4222")]
    public void It_is_shown_without_its_password(string text, string shown) => Assert.That($"{NatsUrl.Parse(text)}", Is.EqualTo(shown));

    [TestCase("")]
    [TestCase("localhost:4222")]
    [TestCase("http://localhost:4222")]
    [TestCase("nats://")]
    [TestCase("nats://a,")]
    public void Another_text_is_refused(string text) =>
        Assert.That(() => NatsUrl.Parse(text), Throws.TypeOf<FormatException>().With.Message.EqualTo($"'{text}' is no NATS: write {NatsUrl.Form}, or tls:// for TLS"));

    [TestCase("nat://user:secret@h")]
    [TestCase("nats://user:secret@")]
    public void A_password_is_not_repeated(string text) =>
        Assert.That(() => NatsUrl.Parse(text), Throws.TypeOf<FormatException>().With.Message.EqualTo($"the URL is no NATS: write {NatsUrl.Form}, or tls:// for TLS"));
}
