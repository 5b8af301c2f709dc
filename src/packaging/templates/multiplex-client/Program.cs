var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddRpcClient<IGreeter>();   // appsettings.json says where
using var host = builder.Build();
await host.StartAsync();   // refuses a configuration that is wrong
Console.WriteLine(await host.Services.GetRequiredService<IGreeter>().GreetAsync("world"));
