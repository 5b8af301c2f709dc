using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;
using PolyType;
using StreamJsonRpc;

namespace Multiplex.RivalBenchmarks;

/// <summary>StreamJsonRpc with its default encoding, JSON, or with the faster MessagePack and a length header; a proxy on one connection.</summary>
internal sealed class StreamJsonRpcRival(bool isPacked) : Rival
{
    public override string Name => isPacked ? "StreamJsonRpc, MessagePack" : "StreamJsonRpc, JSON";

    public override async Task Serve()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        SayListening(listener.LocalEndpoint.ToString()!);
        while (true)
        {
            TcpClient connection = await listener.AcceptTcpClientAsync().ConfigureAwait(false);
            JsonRpc rpc = new(Messages(connection), new Service());
            rpc.StartListening();
        }
    }

    public override async Task<Func<Tally, Task>> Connect(Endpoint server)
    {
        TcpClient connection = new();
        await connection.ConnectAsync(IPEndPoint.Parse($"{server.Host}:{server.Port}")).ConfigureAwait(false);
        IEchoService service = JsonRpc.Attach<IEchoService>(Messages(connection));
        return async tally =>
        {
            while (!tally.IsOver)
            {
                Check((await service.EchoAsync(Payload).ConfigureAwait(false)).Length);
                tally.Calls++;
            }
        };
    }

    private IJsonRpcMessageHandler Messages(TcpClient connection)
    {
        connection.NoDelay = true;
        NetworkStream stream = connection.GetStream();
        return isPacked ? new LengthHeaderMessageHandler(stream, stream, new MessagePackFormatter()) : new HeaderDelimitedMessageHandler(stream);
    }

    private sealed class Service : IEchoService
    {
        public Task<byte[]> EchoAsync(byte[] data) => Task.FromResult(data);
    }
}

/// <summary>The contract of that service.</summary>
[JsonRpcContract, GenerateShape(IncludeMethods = MethodShapeFlags.PublicInstance)]
public partial interface IEchoService
{
    Task<byte[]> EchoAsync(byte[] data);
}
