using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Multiplex.GrpcBenchmarks;

/// <summary>The plainest gRPC service on Kestrel: HTTP/2 without TLS, no log. A process of its own, as the other server is.</summary>
internal static class GrpcServer
{
    /// <summary>The argument that makes this executable the server.</summary>
    public const string Argument = "grpc-server";

    /// <summary>Says where it listens, as <c>multiplex serve</c> does, and serves until it is ended.</summary>
    public static void Run()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        WebApplication application = builder.Build();
        application.MapGrpcService<EchoService>();
        application.Start();
        Console.WriteLine($"listening tcp://{new Uri(application.Urls.First()).Authority}");
        application.WaitForShutdown();
    }
}

/// <summary>What it serves.</summary>
internal sealed class EchoService : Echoing.EchoingBase
{
    public override Task<Payload> Echo(Payload request, ServerCallContext context) => Task.FromResult(request);
}
