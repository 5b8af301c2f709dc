using Multiplex.Models;
using Multiplex.Tests.Rpc.Server;

namespace Multiplex.Tests.Tls;

/// <summary>Models that fork refuse a protocol that has TLS before they accept anything.</summary>
public sealed class ForkingModelTests : TlsFixture
{
    [TestCase("fork")]
    [TestCase("prefork")]
    public void They_refuse_in_one_line(string model)
    {
        using ServerCounters counters = new();
        using StopSignal stop = StopSignal.ByRequest();
        using RpcProtocol protocol = new(new OneProcedure(1, 1, static (in _, _) => { })) { Tls = ServerOptions };
        Service service = new([], protocol, new(), counters, stop);
        NotSupportedException refusal = Assert.Throws<NotSupportedException>(() => ServerModelCatalog.Find(model)!.Create().Run(service))!;
        Assert.That(refusal.Message, Is.EqualTo("models that fork do not have TLS: each child would have a copy of the keys; use a model that does not fork"));
    }
}
