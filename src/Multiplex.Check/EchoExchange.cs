namespace Multiplex.Check;

/// <summary>Requests that are lines, and replies that are the same lines.</summary>
internal sealed class EchoExchange : IExchange
{
    private const int UsualLength = 100;

    public byte[] Request(int seed = 0) => Lines.Of(UsualLength, seed);

    public byte[] Requests(int length) => Lines.Of(length);

    public void Receive(CheckClient client, ReadOnlySpan<byte> requests) => client.Receive(requests);

    public void ReceiveRepeated(CheckClient client, ReadOnlySpan<byte> requests, long sent) => client.ReceiveRepeated(requests, sent);
}
