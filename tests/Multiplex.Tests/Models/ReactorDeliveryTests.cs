using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Models;

/// <summary>What a stop delivers to a peer that goes on sending: the reply to every call that was served.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class ReactorDeliveryTests(ReactorEntry entry) : ReactorFixture(entry)
{
    private const int Payload = 256 * 1024;
    private const int ReplyLength = Payload + 32;

    [Test]
    public void A_stop_delivers_the_reply_to_every_call_that_was_served()
    {
        using RunningServer server = Rpc(new() { MaxPendingOutput = Payload, DrainStall = Eventually.Deadline });
        using Client client = server.Connect();
        byte[] calls = Calls(MultiplexV1.Echo, 64, writer => writer.WriteOpaque(new byte[Payload]));
        Background<bool> sender = Background.Run(() => client.SendWhileItIsTaken(calls));
        server.AwaitCount(Counter.Calls, 2);
        server.RequestStop();
        Eventually.Holds(() => IsNotListening(server.Local), "the server still listens");

        long received = 0;
        byte[] part = new byte[64 * 1024];
        for (SyscallResult result = Libc.recv(client.Descriptor, part, 0); result.Value > 0; result = Libc.recv(client.Descriptor, part, 0))
            received += result.Value;
        server.AwaitEnd();
        Assert.That(received, Is.EqualTo(server.Counters[Counter.Calls] * ReplyLength));
        _ = sender;
    }

    private static bool IsNotListening(Endpoint server)
    {
        try
        {
            Libc.close(Connector.Connect(server));
            return false;
        }
        catch (SyscallException)
        {
            return true;
        }
    }
}
