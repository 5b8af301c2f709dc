using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Hosting;

/// <summary>Adds RPC servers to the services of a host.</summary>
public static class RpcServerServiceCollectionExtensions
{
    /// <summary>
    /// Adds a server that starts and stops with the host. What the section <c>Multiplex:Server</c> of the configuration says goes before what the code says;
    /// with <c>Listen</c>, a text or a list, it replaces the endpoints.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Says where it listens, on which model, and within which limits; null where the configuration says it all.</param>
    /// <returns>Takes the programs of the server.</returns>
    /// <example>
    /// <code>
    /// builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:4000").UseModel("epoll")).AddProgram&lt;IGreeter, Greeter&gt;();
    /// </code>
    /// </example>
    public static RpcServerBuilder AddRpcServer(this IServiceCollection services, Action<RpcServerOptions>? configure = null) =>
        services.AddRpcServer(Options.DefaultName, configure);

    /// <summary>Adds a server of a name beside others: its section of the configuration is <c>Multiplex:Servers:NAME</c>.</summary>
    /// <inheritdoc cref="AddRpcServer(IServiceCollection, Action{RpcServerOptions}?)"/>
    /// <param name="services">The services.</param>
    /// <param name="name">Its name, and the key of its <see cref="HostedRpcServer"/>. To add it again changes the same server.</param>
    /// <param name="configure">Says where it listens, on which model, and within which limits; null where the configuration says it all.</param>
    public static RpcServerBuilder AddRpcServer(this IServiceCollection services, string name, Action<RpcServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        ServerRegistration registration = services
            .Where(service => service.IsKeyedService && service.ServiceType == typeof(ServerRegistration))
            .Select(service => (ServerRegistration)service.KeyedImplementationInstance!)
            .FirstOrDefault(one => one.Name == name) ?? Register(services, name);
        if (configure is not null)
            services.Configure(name, configure);
        return new(services, registration);
    }

    private static ServerRegistration Register(IServiceCollection services, string name)
    {
        ServerRegistration registration = new(name);
        services.AddKeyedSingleton(name, registration);
        services.AddOptions<RpcServerOptions>(name).ValidateOnStart();
        services.AddSingleton<IPostConfigureOptions<RpcServerOptions>>(provider => new RpcServerConfiguration(registration, provider.GetService<IConfiguration>()));
        services.AddSingleton<IValidateOptions<RpcServerOptions>>(new RpcServerConfiguration(registration, configuration: null));
        services.AddKeyedSingleton(name, (provider, _) => MakeServer(provider, registration));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedRpcServer>(name));
        if (name == Options.DefaultName)
            services.AddSingleton(provider => provider.GetRequiredKeyedService<HostedRpcServer>(name));
        return registration;
    }

    private static HostedRpcServer MakeServer(IServiceProvider provider, ServerRegistration registration) =>
        new(registration, provider, provider.GetRequiredService<IOptionsMonitor<RpcServerOptions>>(), provider.GetRequiredService<IHostApplicationLifetime>());
}
