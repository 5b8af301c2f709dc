using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Multiplex.Rpc.Binding;
using Multiplex.Sockets;
using Multiplex.Tls;
using static Multiplex.Rpc.Hosting.SettingsTable<Multiplex.Rpc.Hosting.RpcClientSettings>;

namespace Multiplex.Rpc.Hosting;

/// <summary>Has the configuration change what the code says of a contract's clients, and checks the outcome while the host starts.</summary>
/// <param name="name">The name of the options.</param>
/// <param name="section">Where the configuration has them.</param>
/// <param name="configuration">The host's configuration; null for none.</param>
internal sealed class RpcClientConfiguration(string name, string section, IConfiguration? configuration)
    : IPostConfigureOptions<RpcClientSettings>, IValidateOptions<RpcClientSettings>
{
    private const int MostConnections = 1024;

    private static readonly SettingsTable<RpcClientSettings> s_settings = new()
    {
        { "Server", (settings, value) => settings.Server = value },
        { "Connections", (settings, value) => settings.Connections = Number(value, 1, MostConnections) },
        { "Timeout", (settings, value) => settings.Options = settings.Options with { Timeout = Time(value) } },
        { "ConnectTimeout", (settings, value) => settings.Options = settings.Options with { ConnectTimeout = Time(value) } },
        { "ReconnectFor", (settings, value) => settings.Options = settings.Options with { ReconnectFor = Time(value) } },
        { "ReconnectAfterTimeouts", (settings, value) => settings.Options = settings.Options with { ReconnectAfterTimeouts = Number(value, 0) } },
        { "KeepAlive", (settings, value) => settings.Options = settings.Options with { KeepAlive = Silence(value) } },
        { "Spin", (settings, value) => settings.Options = settings.Options with { Spin = Time(value) } },
        { "FirstRetry", (settings, value) => settings.Options = settings.Options with { FirstRetry = Time(value) } },
        { "LongestRetry", (settings, value) => settings.Options = settings.Options with { LongestRetry = Time(value) } },
        { "ServerKeepsReplies", (settings, value) => settings.Options = settings.Options with { ServerKeepsReplies = Flag(value) } },
        { "Strict", (settings, value) => settings.Options = settings.Options with { Strict = Flag(value) } },
        { "Tls", (settings, value) => settings.Options = settings.Options with { Tls = Flag(value) ? TlsOf(settings) : null } },
        { "TlsCa", (settings, value) => settings.Options = settings.Options with { Tls = TlsOf(settings) with { CaFile = value } } },
        { "TlsHost", (settings, value) => settings.Options = settings.Options with { Tls = TlsOf(settings) with { TargetHost = value } } },
        { "TlsCertificate", (settings, value) => settings.Options = settings.Options with { Tls = TlsOf(settings) with { CertificateFile = value } } },
        { "TlsKey", (settings, value) => settings.Options = settings.Options with { Tls = TlsOf(settings) with { KeyFile = value } } },
        { "MaxReply", (settings, value) => settings.Options = settings.Options with { MaxReply = Number(value, 1024) } },
        { "MaxInFlight", (settings, value) => settings.Options = settings.Options with { MaxInFlight = Number(value, 1) } },
        { "MaxUnsent", (settings, value) => settings.Options = settings.Options with { MaxUnsent = Number(value, 1) } },
    };

    /// <inheritdoc/>
    public void PostConfigure(string? of, RpcClientSettings options)
    {
        if (of == name && configuration is not null)
            s_settings.Apply(configuration.GetSection(section), name, options);
    }

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? of, RpcClientSettings options)
    {
        if (of != name)
            return ValidateOptionsResult.Skip;
        if (options.Server.Length == 0)
            return ValidateOptionsResult.Fail($"the client has no server: give AddRpcClient one, or write {section}:Server in the configuration, such as tcp://127.0.0.1:4000");
        if (options.Connections is < 1 or > MostConnections)
            return ValidateOptionsResult.Fail($"{options.Connections} connections: write 1 to {MostConnections}");
        try
        {
            if (RemoteProgram.IsMeantBy(options.Server))
                RemoteProgram.Parse(options.Server);
            else
                Endpoint.Parse(options.Server);
            return ValidateOptionsResult.Success;
        }
        catch (FormatException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }

    private static TlsClientOptions TlsOf(RpcClientSettings settings) => settings.Options.Tls ?? new();
}
