using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Multiplex.Rpc.Hosting;

/// <summary>Adds RPC clients to the services of a host.</summary>
public static class RpcClientServiceCollectionExtensions
{
    /// <summary>
    /// Adds the client stub of a contract. The connection is made by the first call, made anew when it breaks, shared by all contracts with the same server and
    /// options, and closed with the host. What the section <c>Multiplex:Clients:T</c> of the configuration says goes before what the code says.
    /// </summary>
    /// <typeparam name="T">The contract, which is injected: an interface with <see cref="RpcProgramAttribute"/>, or one that was generated from a .x file.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="server">See <see cref="RpcClientSettings.Server"/>; null where the configuration has it.</param>
    /// <param name="configure">Says more; may be null.</param>
    /// <example>
    /// <code>
    /// builder.Services.AddRpcClient&lt;IGreeter&gt;("tcp://127.0.0.1:4000");
    /// </code>
    /// </example>
    public static IServiceCollection AddRpcClient<T>(this IServiceCollection services, string? server = null, Action<RpcClientSettings>? configure = null)
        where T : class
    {
        string name = AddSettings(services, $"{typeof(T)}", typeof(T).Name, server, configure);
        return services.AddTransient(provider => Stub<T>(provider, name));
    }

    /// <summary>Adds the client stub of a contract under a key: several servers of one contract. Its section of the configuration is <c>Multiplex:Clients:KEY</c>.</summary>
    /// <inheritdoc cref="AddRpcClient{T}(IServiceCollection, string?, Action{RpcClientSettings}?)"/>
    /// <param name="services">The services.</param>
    /// <param name="key">The key, as of <see cref="FromKeyedServicesAttribute"/>.</param>
    /// <param name="server">See <see cref="RpcClientSettings.Server"/>; null where the configuration has it.</param>
    /// <param name="configure">Says more; may be null.</param>
    public static IServiceCollection AddKeyedRpcClient<T>(this IServiceCollection services, object key, string? server = null, Action<RpcClientSettings>? configure = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(key);
        string name = AddSettings(services, $"{typeof(T)} {key}", $"{key}", server, configure);
        return services.AddKeyedTransient(key, (provider, _) => Stub<T>(provider, name));
    }

    private static string AddSettings(IServiceCollection services, string name, string key, string? server, Action<RpcClientSettings>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        string section = $"Multiplex:Clients:{key}";
        services.TryAddSingleton<RpcClientPools>();
        OptionsBuilder<RpcClientSettings> settings = services.AddOptions<RpcClientSettings>(name).ValidateOnStart();
        if (server is not null)
            settings.Configure(one => one.Server = server);
        if (configure is not null)
            settings.Configure(configure);
        services.AddSingleton<IPostConfigureOptions<RpcClientSettings>>(provider => new RpcClientConfiguration(name, section, provider.GetService<IConfiguration>()));
        services.AddSingleton<IValidateOptions<RpcClientSettings>>(new RpcClientConfiguration(name, section, configuration: null));
        return name;
    }

    private static T Stub<T>(IServiceProvider provider, string name)
        where T : class =>
        provider.GetRequiredService<RpcClientPools>().Next(provider.GetRequiredService<IOptionsMonitor<RpcClientSettings>>().Get(name)).Create<T>();
}
