using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Hosting;

/// <summary>Adds to a server of the host: see <see cref="RpcServerServiceCollectionExtensions"/>.</summary>
public sealed class RpcServerBuilder
{
    private readonly ServerRegistration _registration;

    internal RpcServerBuilder(IServiceCollection services, ServerRegistration registration) => (Services, _registration) = (services, registration);

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The name of the server; empty unless it was given one.</summary>
    public string Name => _registration.Name;

    /// <summary>
    /// Serves a contract. The implementation lives as long as it is registered for: a singleton serves all calls, on all threads of the server; of any other lifetime
    /// there is one for each call, in a scope of its own, which is disposed of when the procedure has ended. Unless it is registered, it is scoped.
    /// </summary>
    /// <typeparam name="TContract">The contract: an interface with <see cref="RpcProgramAttribute"/>, or one that was generated from a .x file.</typeparam>
    /// <typeparam name="TImplementation">What implements it.</typeparam>
    public RpcServerBuilder AddProgram<TContract, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TImplementation>()
        where TContract : class
        where TImplementation : class, TContract
    {
        Services.TryAddScoped<TImplementation>();
        IServiceCollection services = Services;
        _registration.Programs.Add(provider => ServerRegistration.Program<TContract, TImplementation>(provider, LifetimeOf(services, typeof(TImplementation))));
        return this;
    }

    /// <summary>Serves an object: an <see cref="IRpcProgram"/>, or one that implements contracts. It serves all calls, on all threads of the server.</summary>
    /// <exception cref="ArgumentException">It is none, and implements none.</exception>
    public RpcServerBuilder AddProgram(object implementation)
    {
        foreach (IRpcProgram program in RpcPrograms.Of(implementation))
            _registration.Programs.Add(_ => program);
        return this;
    }

    /// <summary>Changes the options of the server.</summary>
    public RpcServerBuilder Configure(Action<RpcServerOptions> configure)
    {
        Services.Configure(Name, configure);
        return this;
    }

    // As the container has it: the last registration counts.
    private static ServiceLifetime LifetimeOf(IServiceCollection services, Type type) =>
        services.LastOrDefault(service => service.ServiceType == type && !service.IsKeyedService)?.Lifetime ?? ServiceLifetime.Scoped;
}
