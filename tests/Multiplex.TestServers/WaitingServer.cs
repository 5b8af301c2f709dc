using System.Runtime.InteropServices;

namespace Multiplex.TestServers;

/// <summary>The contract in a process of its own, until SIGTERM.</summary>
internal static class WaitingServer
{
    public static async Task<int> Run(string model, IEnumerable<string> endpoints)
    {
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.TrySetResult();
        });
        try
        {
            await using RpcServer server = await RpcServer.StartAsync(
                options =>
                {
                    options.UseModel(model);
                    foreach (string endpoint in endpoints)
                        options.Listen(endpoint);
                },
                new Waiting());
            foreach (Sockets.Endpoint endpoint in server.Endpoints)
                Console.WriteLine($"listening {endpoint} model={model} protocol=waiting pid={Environment.ProcessId}");
            await Task.WhenAny(stop.Task, server.Completion);
            await server.StopAsync();
            await server.Completion;
            Console.Error.WriteLine($"stopped {server.Counters.Summary()}");
            return 0;
        }
        catch (NotSupportedException e)
        {
            Console.Error.WriteLine($"multiplex: {e.Message}");
            return 1;
        }
    }
}
