using System.Text;
using Multiplex.Demo;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Tracing.Recordings;

/// <summary>
/// What every server is asked: three clients, of which one is quick, one sends its request in two pieces, and one makes a call that takes 50 ms.
/// The quick one shuts down its sending side before its last reply; the second one vanishes.
/// </summary>
internal static class Story
{
    /// <summary>How long the third client's call takes, in milliseconds.</summary>
    public const int LongCall = 50;

    // The times of the steps, in milliseconds of the story. A step that waits for a reply may come later.
    private const int QuickConnects = 0, PiecesConnects = 8, FirstPiece = 10, SlowConnects = 20, QuickCallsAgain = 32, SecondPiece = 44, QuickHalfCloses = 84, Vanishes = 92, SlowCloses = 100;

    /// <summary>The clients, which wait for their beginning.</summary>
    /// <param name="server">The server.</param>
    /// <param name="protocol">rpc: the program of multiplex.x. echo: no call takes time there, so the third client reads its echo 50 ms late.</param>
    public static StoryClient[] Clients(Endpoint server, string protocol)
    {
        bool isRpc = protocol == "rpc";
        byte[] first = Echo("quick, first"), second = Echo("quick, second"), last = Echo("quick, last"), pieces = Echo("in two pieces"), slow = isRpc ? Sleep() : Echo("read late");
        return
        [
            new("quick", server, isRpc, client =>
            {
                client.At(QuickConnects);
                client.Connect();
                client.Send(first);
                client.ReceiveReply(first);
                client.At(QuickCallsAgain);
                client.Send(second);
                client.ReceiveReply(second);
                client.At(QuickHalfCloses);
                client.Send(last);
                client.HalfClose();
                client.ReceiveReply(last);
                client.ReceiveEnd();
                client.Close();
            }),
            new("pieces", server, isRpc, client =>
            {
                client.At(PiecesConnects);
                client.Connect();
                client.At(FirstPiece);
                client.Send(pieces.AsSpan(0, pieces.Length / 2));
                client.At(SecondPiece);
                client.Send(pieces.AsSpan(pieces.Length / 2));
                client.ReceiveReply(pieces);
                client.At(Vanishes);
                client.Vanish();
            }),
            new("slow", server, isRpc, client =>
            {
                client.At(SlowConnects);
                client.Connect();
                client.Send(slow);
                if (!isRpc)
                    client.At(SlowConnects + LongCall);
                client.ReceiveReply(slow);
                client.At(SlowCloses);
                client.Close();
            }),
        ];

        byte[] Echo(string text)
        {
            byte[] payload = Encoding.ASCII.GetBytes(text);
            return isRpc ? Call(1, MultiplexV1Procedure.Echo, writer => MultiplexV1Client.WriteEcho(writer, payload)) : payload;
        }

        static byte[] Sleep() => Call(2, MultiplexV1Procedure.Sleep, writer => MultiplexV1Client.WriteSleep(writer, LongCall));
    }

    private static byte[] Call(uint xid, MultiplexV1Procedure procedure, MarshalArguments arguments)
    {
        OutputBuffer record = new();
        CallWriter.Record(record, xid, MultiplexV1.Of(procedure), arguments);
        return record.Written.ToArray();
    }
}
