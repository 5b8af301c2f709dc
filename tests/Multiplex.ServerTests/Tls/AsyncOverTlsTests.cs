using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using Multiplex.TestServers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>Async procedures over TLS with certificates on both sides, on RpcServer with each model that does not fork, and clients that connect later.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsThatAwait))]
public sealed class AsyncOverTlsTests(string model)
{
    private readonly Certificates _certificates = new();

    private RpcClientOptions Alice => new()
    {
        Timeout = Eventually.Deadline,
        Tls = new() { CaFile = _certificates.Authority, TargetHost = "localhost", CertificateFile = _certificates["client.pem"], KeyFile = _certificates["client.key"] },
    };

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCase(ListenForm.Tcp)]
    [TestCase(ListenForm.UnixAbstract)]
    public async Task They_are_answered_and_see_the_certificate_of_the_client(ListenForm form)
    {
        await using WaitingHere here = await StartAsync(form);
        RpcClient client = await here.ConnectAsync(options: Alice);
        IWaiting waiting = client.Create<IWaiting>();
        Assert.That(await waiting.GreetAsync("you"), Is.EqualTo("Hello, you!"));
        Assert.That(waiting.Describe(), Does.EndWith(" CN=alice,O=Multiplex"));
        uint[] ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => waiting.WaitAsync((uint)i % 5).AsTask()));
        Assert.That(ends, Is.EqualTo(Enumerable.Range(0, 50).Select(i => (uint)i % 5)));
        await waiting.NoteAsync(7);
        Eventually.Holds(() => waiting.Counts()[0] == 7, "a one-way call is run");
        RpcRefusedException? fault = await Assert.CatchAsync<RpcRefusedException>(async () => await waiting.FailAsync(isLate: true, isFault: true));
        Assert.That((fault!.Name, client.Tls!.Subject), Is.EqualTo(("GARBAGE_ARGS", "CN=multiplex test server")));
    }

    [Test, CallsTogether]
    public async Task A_call_that_waits_holds_up_no_other()
    {
        await using WaitingHere here = await StartAsync(ListenForm.Tcp);
        IWaiting waiting = (await here.ConnectAsync(options: Alice)).Create<IWaiting>();
        Task<uint> held = waiting.HoldAsync(1);
        here.AwaitInFlight(1);
        Assert.That(await waiting.GreetAsync("you"), Is.EqualTo("Hello, you!"));
        await waiting.ReleaseAsync(1);
        Assert.That(await held, Is.EqualTo(1));
    }

    [Test]
    public async Task A_client_that_says_that_it_sends_no_more_gets_its_replies()
    {
        await using WaitingHere here = await StartAsync(ListenForm.Tcp);
        using RpcPeer peer = new(new ServerAddress(here.Server.Endpoints[0]));
        peer.Secure(_certificates.Client("client"));
        peer.Send(WaitingHere.HoldCall(1, key: 1));
        here.AwaitInFlight(1);
        peer.Client.EndSecured();
        await here.Waiting.ReleaseAsync(1);
        Assert.That(peer.Finish(1), Is.EqualTo(RpcWire.UInt(1)));
        Assert.That(here.Waiting.Cancelled, Is.Zero);
    }

    [Test]
    public async Task A_client_that_goes_has_its_calls_cancelled()
    {
        await using WaitingHere here = await StartAsync(ListenForm.Tcp);
        RpcClient client = await here.ConnectAsync(options: Alice);
        Task<uint> call = client.Create<IWaiting>().HoldAsync(1);
        here.AwaitInFlight(1);
        client.Dispose();
        Eventually.Holds(() => here.Waiting.Cancelled == 1, "the call is cancelled");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => call);
    }

    [Test]
    public async Task A_client_that_connects_later_has_tls_with_its_first_call()
    {
        await using WaitingHere here = await StartAsync(ListenForm.Tcp);
        await using (RpcClient client = RpcClient.ConnectLater(here.Server.Endpoints[0], Alice))
        {
            Assert.That((client.IsConnected, client.Tls), Is.EqualTo((false, (object?)null)));
            Assert.That(client.Create<IWaiting>().Describe(), Does.EndWith(" CN=alice,O=Multiplex"));
            Assert.That(client.Tls!.Subject, Is.EqualTo("CN=multiplex test server"));
        }

        await using RpcClient wary = RpcClient.ConnectLater(here.Server.Endpoints[0], Alice with { Tls = Alice.Tls! with { CaFile = _certificates.OtherAuthority } });
        foreach (int _ in (int[])[1, 2])
        {
            RpcTlsException? refused = await Assert.ThrowsAsync<RpcTlsException>(() => wary.Create<IWaiting>().GreetAsync("you").AsTask());
            Assert.That(refused!.Message, Does.Contain($"call {here.Server.Endpoints[0]}: WaitingV1.Greet ").And.Contain("the peer's certificate is refused: "));
        }

        Assert.That(here.Waiting.Held, Is.Zero);
    }

    private Task<WaitingHere> StartAsync(ListenForm form) => WaitingHere.StartAsync(
        model,
        options => options.Tls = new() { CertificateFile = _certificates["server.pem"], KeyFile = _certificates["server.key"], ClientCaFile = _certificates.Authority },
        form.NewEndpoint());
}
