using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Tls;

/// <summary>ONC RPC with TLS, RFC 9289, on every model that does not fork and every kind of stream. The client is .NET's SslStream.</summary>
[TestFixtureSource(nameof(ModelsAndForms))]
public sealed class RpcOverTlsTests(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    private const int MaxPayload = 1 << 20;

    private readonly Certificates _certificates = new();

    public static IEnumerable<TestFixtureData> ModelsAndForms =>
        from model in Cells.ModelsWithTls
        from form in (ListenForm[])[ListenForm.Tcp, ListenForm.UnixAbstract]
        select new TestFixtureData(model, form);

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [Test]
    public void Every_procedure_answers()
    {
        using RpcPeer peer = Connect();
        peer.Null();
        Assert.That(peer.Echo([1, 2, 3, 4, 5]), Is.EqualTo((byte[])[1, 2, 3, 4, 5]));
        Assert.That(peer.Sleep(1), Is.EqualTo(1));
        Assert.That(peer.Burn(100), Is.Positive);
        Assert.That(peer.Add(5), Is.GreaterThanOrEqualTo(5));
        Assert.That(peer.Whoami().Served, Is.GreaterThanOrEqualTo(6));
    }

    [Test]
    public void Pipelined_calls_are_all_answered()
    {
        byte[][] payloads = [.. Enumerable.Range(0, 400).Select(RandomBytes)];
        byte[] calls = [.. payloads.SelectMany((payload, i) => RpcWire.CallRecord((uint)i, RpcWire.Echo, RpcWire.Opaque(payload)))];
        using RpcPeer peer = Connect();
        peer.Client.Send(calls);
        for (int i = 0; i < payloads.Length; i++)
            Assert.That(peer.Finish((uint)i), Is.EqualTo(RpcWire.Opaque(payloads[i])));
        Assert.That(peer.Arrived, Is.Ordered);
    }

    [Test]
    public void Replies_that_the_client_is_slow_to_take_are_kept_in_order()
    {
        byte[] argument = RpcWire.Opaque(RandomBytes(200_000));
        using RpcPeer peer = Connect();
        Task sending = Task.Run(() =>
        {
            for (uint i = 0; i < 40; i++)
                peer.Client.Send(RpcWire.CallRecord(i, RpcWire.Echo, argument));
        });
        for (uint i = 0; i < 40; i++)
            Assert.That(peer.Finish(i).AsSpan().SequenceEqual(argument), Is.True, $"reply {i}");
        sending.GetAwaiter().GetResult();
    }

    [Test]
    public void The_longest_payload_comes_back()
    {
        byte[] payload = RandomBytes(MaxPayload);
        using RpcPeer peer = Connect();
        Assert.That(peer.Echo(payload).AsSpan().SequenceEqual(payload), Is.True);
    }

    [Test]
    public void A_call_in_records_of_one_byte_is_answered()
    {
        using RpcPeer peer = Connect();
        foreach (byte one in RpcWire.CallRecord(7, RpcWire.Echo, RpcWire.Opaque(Encoding.ASCII.GetBytes("slowly"))))
            peer.Client.Send([one]);
        Assert.That(peer.Finish(7), Is.EqualTo(RpcWire.Opaque(Encoding.ASCII.GetBytes("slowly"))));
    }

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
            rubbish[0] = 99;   // no type of a record
            peer.Client.Send(rubbish);
            if (length < 5)
                peer.Client.EndWriting();   // not enough to be known for what it is
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

    private RpcPeer Connect()
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
