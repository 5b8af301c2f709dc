using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Multiplex.Sockets;

namespace Multiplex.RivalBenchmarks;

/// <summary>gRPC for .NET: the simplest service on Kestrel, HTTP/2 without TLS, no log; one channel, which has one connection.</summary>
internal sealed class GrpcRival : Rival
{
    public override string Name => "gRPC for .NET";

    public override async Task Serve()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        await using WebApplication application = builder.Build();
        application.MapGrpcService<EchoService>();
        await application.StartAsync().ConfigureAwait(false);
        SayListening(new Uri(application.Urls.First()).Authority);
        await application.WaitForShutdownAsync().ConfigureAwait(false);
    }

    public override Task<Func<Tally, Task>> Connect(Endpoint server)
    {
        Echoing.EchoingClient client = new(GrpcChannel.ForAddress($"http://{server.Host}:{server.Port}"));
        Payload payload = new() { Data = UnsafeByteOperations.UnsafeWrap(Payload) };
        return Task.FromResult<Func<Tally, Task>>(async tally =>
        {
            while (!tally.IsOver)
            {
                Check((await client.EchoAsync(payload).ConfigureAwait(false)).Data.Length);
                tally.Calls++;
            }
        });
    }

    private sealed class EchoService : Echoing.EchoingBase
    {
        public override Task<Payload> Echo(Payload request, ServerCallContext context) => Task.FromResult(request);
    }
}
