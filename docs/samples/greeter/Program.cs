using Greeter;

// A server and a client in one host. appsettings.json or the command line say where, such as --Multiplex:Server:Listen=tcp://127.0.0.1:0
HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:4000").UseModel("epoll")).AddProgram<IGreeter, Greetings>();
builder.Services.AddRpcClient<IGreeter>("tcp://127.0.0.1:4000");
builder.Services.AddHealthChecks().AddRpcServerCheck();
builder.Services.AddHostedService<Visitor>();
await builder.Build().RunAsync();
