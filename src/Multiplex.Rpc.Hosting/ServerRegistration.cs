using Microsoft.Extensions.DependencyInjection;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Hosting;

/// <summary>A server that was added to the services: what <see cref="RpcServerBuilder"/> collects, and <see cref="HostedRpcServer"/> starts.</summary>
/// <param name="name">See <see cref="Name"/>.</param>
internal sealed class ServerRegistration(string name)
{
    /// <summary>The name of its options; empty for the one server that needs none.</summary>
    public string Name { get; } = name;

    /// <summary>Where the configuration has it.</summary>
    public string Section { get; } = name.Length == 0 ? "Multiplex:Server" : $"Multiplex:Servers:{name}";

    /// <summary>Make its programs.</summary>
    public List<Func<IServiceProvider, IRpcProgram>> Programs { get; } = [];

    /// <summary>The program that calls an implementation which lives as long as it is registered for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="lifetime">How long.</param>
    public static IRpcProgram Program<TContract, TImplementation>(IServiceProvider services, ServiceLifetime lifetime)
        where TContract : class
        where TImplementation : class, TContract =>
        RpcPrograms.Of(lifetime == ServiceLifetime.Singleton
            ? new RpcInstances<TContract>(services.GetRequiredService<TImplementation>())
            : new RpcInstances<TContract>(_ => BeginCall<TContract, TImplementation>(services)));

    private static RpcCallScope<TContract> BeginCall<TContract, TImplementation>(IServiceProvider services)
        where TContract : class
        where TImplementation : class, TContract
    {
        AsyncServiceScope scope = services.CreateAsyncScope();
        try
        {
            return new(scope.ServiceProvider.GetRequiredService<TImplementation>(), scope);
        }
        catch
        {
            scope.Dispose();   // nothing asynchronous was made, or it is disposed of as far as it can be
            throw;
        }
    }
}
