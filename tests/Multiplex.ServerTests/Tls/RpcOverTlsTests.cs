using System.Net.Security;
using System.Security.Authentication;
using Multiplex.ServerTests.Contract;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Tls;

/// <summary>ONC RPC with TLS, RFC 9289, on every model that does not fork and every kind of stream. The client is .NET's SslStream.</summary>
[ModelSource(typeof(RpcOverTlsTests), nameof(ModelsAndForms))]
public sealed class RpcOverTlsTests(string model, ListenForm form) : RpcStreamFixture(model, form)
{
    private readonly Certificates _certificates = new();

    public static IEnumerable<TestFixtureData> ModelsAndForms =>
        from model in Cells.ModelsWithTls
        from form in (ListenForm[])[ListenForm.Tcp, ListenForm.UnixAbstract]
        select new TestFixtureData(model, form);

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [Test]
    public void Without_tls_a_call_is_too_weak_and_the_client_may_still_ask_for_it()
    {
        using RpcPeer peer = new(Server.Address);
        Assert.That(peer.Exchange(RpcWire.Call(1, RpcWire.Add, RpcWire.Hyper(1))), Is.EqualTo(RpcWire.AuthError(1, 5)));
        Assert.That(peer.Exchange(RpcWire.Call(2, RpcWire.Null)), Is.EqualTo(RpcWire.AuthError(2, 5)));
        peer.Secure(_certificates.Client());
        peer.Null();
        Assert.That(peer.Exchange(RpcWire.CallAs(3, RpcWire.Null, RpcWire.AuthTls, [])), Is.EqualTo(RpcWire.AuthError(3, 1)), "within TLS it is no use");
        peer.Null();
    }

    [Test]
    public void Calls_that_came_with_the_probe_are_not_run_within_tls()
    {
        byte[] probe = RpcWire.Record(RpcWire.CallAs(1, RpcWire.Null, RpcWire.AuthTls, []));
        ulong before = Added();
        using (TestClient client = new(Server.Address))
        {
            client.Send([.. probe, .. RpcWire.CallRecord(2, RpcWire.Add, RpcWire.Hyper(1))]);
            Assert.That(client.ReceiveUntilClosedOrReset(), Is.EqualTo(RpcWire.Record(RpcWire.TlsGranted(1))));
        }

        Assert.That(Added(), Is.EqualTo(before));
    }

    [Test]
    public void Rubbish_closes_its_connection()
    {
        long failures = Counters[Counter.TlsFailures];
        foreach (int length in (int[])[1, 5, 100, 10_000])
        {
            using RpcPeer peer = new(Server.Address);
            peer.Exchange(RpcWire.CallAs(1, RpcWire.Null, RpcWire.AuthTls, []));
            byte[] rubbish = RandomBytes(length);
            rubbish[0] = 99;   // no content type of TLS
            peer.Client.Send(rubbish);
            if (length < 5)
                peer.Client.EndWriting();   // too short to be recognized
            peer.Client.ReceiveUntilClosedOrReset();
        }

        using RpcPeer good = Connect();
        good.Null();
        Assert.That(Counters[Counter.TlsFailures], Is.EqualTo(failures + 3));
    }

    [TestCase("TLS 1.2")]
    [TestCase("no application protocol")]
    [TestCase("another application protocol")]
    public void A_client_that_does_not_keep_to_the_RFC_is_refused(string what)
    {
        SslClientAuthenticationOptions options = _certificates.Client();
        if (what == "TLS 1.2")
            options.EnabledSslProtocols = SslProtocols.Tls12;
        else
            options.ApplicationProtocols = what == "no application protocol" ? null : [new("http/1.1")];
        using (RpcPeer peer = new(Server.Address))
            Assert.That(() => peer.Secure(options), Throws.InstanceOf<AuthenticationException>().Or.InstanceOf<IOException>());
        using RpcPeer good = Connect();
        good.Null();
    }

    [Test]
    public void A_client_that_closes_in_order_is_answered_in_order()
    {
        const int Connections = 5;
        long broken = Counters[Counter.Broken];
        for (int i = 0; i < Connections; i++)
        {
            using RpcPeer peer = Connect();
            peer.Null();
            peer.Client.EndSecured();
            Assert.That(peer.Client.ReceiveToEnd(), Is.Empty);
        }

        Counters.Await(Counter.Closed, Counters[Counter.Accepted]);
        Assert.That(Counters[Counter.Broken], Is.EqualTo(broken));
    }

    private protected override ServerProcess StartServer() =>
        ServerProcess.Start(Model, "rpc", Form, [.. _certificates.Serve(), .. Counters.Option]);

    private protected override RpcPeer Connect()
    {
        RpcPeer peer = new(Server.Address);
        peer.Secure(_certificates.Client());
        return peer;
    }

    private ulong Added()
    {
        using RpcPeer peer = Connect();
        return peer.Add(0);
    }
}
