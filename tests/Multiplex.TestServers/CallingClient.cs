using Multiplex.Sockets;

namespace Multiplex.TestServers;

/// <summary>A client of the demo program that calls again and again, and writes a line each time another server than before answers.</summary>
internal static class CallingClient
{
    public static async Task<int> Run(string server)
    {
        await using RpcClient client = await RpcClient.ConnectAsync(server, new() { Timeout = TimeSpan.FromSeconds(5), ReconnectFor = TimeSpan.FromMilliseconds(100) });
        MultiplexV1Client stub = new(client);
        for (Endpoint? last = null; ; await Task.Delay(20))
        {
            try
            {
                await stub.NullAsync();
            }
            catch (RpcException e)
            {
                Console.Error.WriteLine(e.Message);
                continue;
            }

            if (client.Server != last)
                Console.WriteLine($"answered by {last = client.Server}");
        }
    }
}
