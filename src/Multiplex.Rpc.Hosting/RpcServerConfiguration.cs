using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Multiplex.Rpc.Server;
using Multiplex.Tls;
using static Multiplex.Rpc.Hosting.SettingsTable<Multiplex.Rpc.Server.RpcServerOptions>;

namespace Multiplex.Rpc.Hosting;

/// <summary>Has the configuration change what the code says of a server, and checks the outcome while the host starts.</summary>
/// <param name="registration">The server.</param>
/// <param name="configuration">The host's configuration; null for none.</param>
internal sealed class RpcServerConfiguration(ServerRegistration registration, IConfiguration? configuration)
    : IPostConfigureOptions<RpcServerOptions>, IValidateOptions<RpcServerOptions>
{
    private static readonly SettingsTable<RpcServerOptions> s_settings = new()
    {
        { "Listen", (options, values) => Listen(options, values) },
        { "Model", (options, value) => options.Model = value },
        { "Backlog", (options, value) => options.Backlog = Number(value, 1) },
        { "KeepAlive", (options, value) => options.KeepAlive = Silence(value) },
        { "MaxRecord", (options, value) => options.MaxRecord = Number(value, 1024) },
        { "Strict", (options, value) => options.Strict = Flag(value) },
        { "ReplyOrder", (options, value) => options.ReplyOrder = Choice<ReplyOrder>(value) },
        { "ReplyCache", (options, value) => options.Replies = (options.Replies ?? new()) with { Entries = Number(value, 1, 1 << 20) } },
        { "ReplyCacheTime", (options, value) => options.Replies = (options.Replies ?? new()) with { Time = Time(value) } },
        { "CallTimeout", (options, value) => options.CallTimeout = Time(value) },
        { "TlsCertificate", (options, value) => options.Tls = TlsOf(options) with { CertificateFile = value } },
        { "TlsKey", (options, value) => options.Tls = TlsOf(options) with { KeyFile = value } },
        { "TlsClientCa", (options, value) => options.Tls = TlsOf(options) with { ClientCaFile = value } },
        { "TlsPolicy", (options, value) => options.Tls = TlsOf(options) with { Policy = Choice<TlsPolicy>(value) } },
        { "Workers", (options, value) => options.ServerOptions = options.ServerOptions with { Workers = Number(value, 1) } },
        { "Reactors", (options, value) => options.ServerOptions = options.ServerOptions with { Reactors = Number(value, 1) } },
        { "Spin", (options, value) => options.ServerOptions = options.ServerOptions with { Spin = Time(value) } },
        { "MaxConnections", (options, value) => options.ServerOptions = options.ServerOptions with { MaxConnections = Number(value, 1) } },
        { "MaxThreads", (options, value) => options.ServerOptions = options.ServerOptions with { MaxThreads = Number(value, 1) } },
        { "MaxChildren", (options, value) => options.ServerOptions = options.ServerOptions with { MaxChildren = Number(value, 1) } },
        { "SpareChildren", (options, value) => options.ServerOptions = options.ServerOptions with { SpareChildren = Number(value, 0) } },
        { "QueueLength", (options, value) => options.ServerOptions = options.ServerOptions with { QueueLength = Number(value, 1) } },
        { "MaxCallsInProgress", (options, value) => options.ServerOptions = options.ServerOptions with { MaxCallsInProgress = Number(value, 1) } },
        { "MaxQueuedCalls", (options, value) => options.ServerOptions = options.ServerOptions with { MaxQueuedCalls = Number(value, 1) } },
        { "MaxAsyncCalls", (options, value) => options.ServerOptions = options.ServerOptions with { MaxAsyncCalls = Number(value, 1) } },
        { "MaxAsyncCallsPerConnection", (options, value) => options.ServerOptions = options.ServerOptions with { MaxAsyncCallsPerConnection = Number(value, 1) } },
        { "MaxPendingOutput", (options, value) => options.ServerOptions = options.ServerOptions with { MaxPendingOutput = Number(value, 1) } },
        { "MaxMemory", (options, value) => options.ServerOptions = options.ServerOptions with { MaxMemory = Long(value, 1) } },
        { "IdleTimeout", (options, value) => options.ServerOptions = options.ServerOptions with { IdleTimeout = Time(value) } },
        { "RequestTimeout", (options, value) => options.ServerOptions = options.ServerOptions with { RequestTimeout = Time(value) } },
        { "DrainTime", (options, value) => options.ServerOptions = options.ServerOptions with { DrainTime = Time(value) } },
        { "DrainStall", (options, value) => options.ServerOptions = options.ServerOptions with { DrainStall = Time(value) } },
    };

    /// <inheritdoc/>
    public void PostConfigure(string? name, RpcServerOptions options)
    {
        if (name == registration.Name && configuration is not null)
            s_settings.Apply(configuration.GetSection(registration.Section), name, options);
    }

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, RpcServerOptions options)
    {
        if (name != registration.Name)
            return ValidateOptionsResult.Skip;
        try
        {
            if (options.Endpoints.Count == 0)
                throw new ArgumentException($"the server has no endpoint: call Listen, or write {registration.Section}:Listen in the configuration, such as tcp://127.0.0.1:4000");
            if (registration.Programs.Count == 0)
                throw new ArgumentException("the server has no program: call AddProgram");
            if (options.Tls is { CertificateFile: "" } or { KeyFile: "" })
                throw new ArgumentException($"TLS needs a certificate and its key: write {registration.Section}:TlsCertificate and {registration.Section}:TlsKey, each the name of a PEM file");
            options.FindModel();
            return ValidateOptionsResult.Success;
        }
        catch (ArgumentException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }

    private static TlsServerOptions TlsOf(RpcServerOptions options) => options.Tls ?? new() { CertificateFile = "", KeyFile = "" };

    private static void Listen(RpcServerOptions options, IReadOnlyList<string> values)
    {
        options.Endpoints.Clear();
        foreach (string value in values)
            options.Listen(value);
    }
}
