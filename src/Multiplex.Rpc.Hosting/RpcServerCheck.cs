using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Hosting;

/// <summary>A health check of a server: it calls procedure 0, over a socket as a client does, and so also finds a loop that is stuck.</summary>
internal sealed class RpcServerCheck(HostedRpcServer hosted) : IHealthCheck
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (hosted.Server is not { } server)
            return Bad(context, "the server has not been started");
        if (server.Completion.IsCompleted)
            return Bad(context, "the server has ended", server.Completion.Exception?.InnerException);
        IRpcProgram program = hosted.Programs[0];
        Endpoint endpoint = Reachable(server.Endpoints.FirstOrDefault(one => !one.Kind.IsDatagram()) ?? server.Endpoints[0]);
        try
        {
            await using RpcClient client = await RpcClient.ConnectAsync(endpoint, new() { Timeout = s_timeout, ConnectTimeout = s_timeout }, cancellationToken).ConfigureAwait(false);
            await client.CallAsync(new RpcProcedure(program.Number, program.Version, 0), 0, static (_, _) => { }, cancellation: cancellationToken).ConfigureAwait(false);
        }
        catch (RpcRefusedException)
        {
            // It answers: that it lets no such client call is as it is to be.
        }
        catch (Exception e) when (e is IOException or Interop.SyscallException)
        {
            return Bad(context, $"the server does not answer: {e.Message}", e);
        }

        return HealthCheckResult.Healthy($"{endpoint} answers");
    }

    private static HealthCheckResult Bad(HealthCheckContext context, string why, Exception? exception = null) => new(context.Registration.FailureStatus, why, exception);

    // Of all interfaces, the loopback one.
    private static Endpoint Reachable(Endpoint endpoint) => endpoint.Host switch
    {
        "*" or "0.0.0.0" => endpoint with { Host = "127.0.0.1" },
        "::" => endpoint with { Host = "::1" },
        _ => endpoint,
    };
}

/// <summary>Adds checks of RPC servers to the health checks of a host.</summary>
public static class RpcHealthChecksBuilderExtensions
{
    /// <summary>Adds a check of a server of this host, which calls its procedure 0: see <see cref="RpcServerServiceCollectionExtensions"/>.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="server">The name of the server; null for the one without a name.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">What it reports when the server does not answer; null is <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Its tags.</param>
    public static IHealthChecksBuilder AddRpcServerCheck(
        this IHealthChecksBuilder builder, string? server = null, string name = "rpc server", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new(
            name,
            services => new RpcServerCheck(services.GetRequiredKeyedService<HostedRpcServer>(server ?? Options.DefaultName)),
            failureStatus,
            tags));
    }
}
