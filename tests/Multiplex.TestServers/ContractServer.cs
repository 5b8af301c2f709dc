using System.Runtime.InteropServices;
using Multiplex.Forking;
using Multiplex.Models;

namespace Multiplex.TestServers;

/// <summary>A contract served by <see cref="RpcServer"/> in a process of its own, until SIGTERM. On a model that forks the server itself takes the signal.</summary>
internal static class ContractServer
{
    public static async Task<int> Run(object implementation, string model, IEnumerable<string> endpoints)
    {
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool forks = ServerModelCatalog.Find(model)!.Forks && implementation is Tally;
        if (forks)
            ForkRuntime.Enter();
        using PosixSignalRegistration? terminated = forks ? null : PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.TrySetResult();
        });
        try
        {
            await using RpcServer server = await RpcServer.StartAsync(
                options =>
                {
                    options.UseModel(model).ServerOptions = new() { Workers = 2 };
                    foreach (string endpoint in endpoints)
                        options.Listen(endpoint);
                },
                implementation);
            foreach (Sockets.Endpoint endpoint in server.Endpoints)
                Console.WriteLine($"listening {endpoint} model={model} protocol={implementation.GetType().Name} pid={Environment.ProcessId}");
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
