var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddRpcServer().AddProgram<IGreeter, Greeter>();   // appsettings.json says where, and on which model
await builder.Build().RunAsync();
