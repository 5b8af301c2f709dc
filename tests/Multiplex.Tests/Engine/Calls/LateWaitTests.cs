using System.Net;
using System.Net.Sockets;
using Multiplex.Engine.Calls;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine.Calls;

/// <summary>A thread waits for a late reply, and sees its client disconnect.</summary>
public sealed class LateWaitTests
{
    private ServerCounters _counters = null!;
    private Socket _client = null!;
    private Socket _server = null!;
    private LateWait _wait = null!;

    [SetUp]
    public void Connect()
    {
        _counters = new();
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
        _wait = new(_counters) { Descriptor = (int)_server.SafeHandle.DangerousGetHandle() };
    }

    [TearDown]
    public void Close()
    {
        _wait.Release();
        _client.Dispose();
        _server.Dispose();
        _counters.Dispose();
    }

    [Test]
    public void One_call_after_the_other_is_waited_for_until_its_reply_is_there()
    {
        for (int i = 0; i < 3; i++)
        {
            LineProtocol.LateLine call = new("&one\n"u8);
            Background<bool> thread = Await(call);
            Assert.That((thread.IsRunning, call.Cancelled), Is.EqualTo((true, Array.Empty<bool>())));
            call.Answer();
            thread.Result();
            Assert.That(_counters[Counter.CallsInFlight], Is.Zero);
        }
    }

    [Test]
    public void A_call_whose_reply_is_there_is_not_waited_for()
    {
        LineProtocol.LateLine call = new("&one\n"u8);
        call.Answer();
        _wait.Await(call);
        Assert.That(call.Reply.Length, Is.EqualTo(5));
    }

    [Test]
    public void A_client_that_resets_its_connection_has_its_call_cancelled_and_the_call_is_still_waited_for()
    {
        LineProtocol.LateLine call = new("&one\n"u8);
        Background<bool> thread = Await(call);
        _client.Close(0);
        Eventually.Holds(() => call.Cancelled.Count > 0, "the call is cancelled");
        Assert.That((call.Cancelled, thread.IsRunning), Is.EqualTo((new[] { true }, true)));
        call.Answer();
        thread.Result();
    }

    [Test]
    public void A_client_that_shuts_down_its_side_and_a_server_that_does_so_to_stop_wait_for_the_reply()
    {
        LineProtocol.LateLine call = new("&one\n"u8);
        Background<bool> thread = Await(call);
        _client.Shutdown(SocketShutdown.Send);
        _server.Shutdown(SocketShutdown.Receive);
        _wait.Cancel();
        Assert.That(call.Cancelled, Is.EqualTo((bool[])[false]), "the server's end");
        _client.Close(0);
        Eventually.Holds(() => call.Cancelled.Count > 1, "a reset is still seen");
        Assert.That(call.Cancelled, Is.EqualTo((bool[])[false, true]));
        call.Answer();
        thread.Result();
    }

    [Test]
    public void Once_the_server_ends_calls_that_still_come_are_cancelled()
    {
        _wait.Cancel();
        LineProtocol.LateLine call = new("&one\n"u8);
        Background<bool> thread = Await(call);
        Eventually.Holds(() => call.Cancelled.Count > 0, "the call is cancelled");
        Assert.That(call.Cancelled, Is.EqualTo((bool[])[false]));
        call.Answer();
        thread.Result();
    }

    private Background<bool> Await(LineProtocol.LateLine call)
    {
        Background<bool> thread = Background.Run(() => _wait.Await(call));
        Eventually.Holds(() => _counters[Counter.CallsInFlight] == 1, "the call is waited for");
        return thread;
    }
}
