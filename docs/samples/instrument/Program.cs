using System.Buffers.Binary;
using System.Net;
using System.Text;
using Instrument;
using Vxi11;

// The instrument: one object for all controllers, on one loop, since nothing in it blocks.
await using Multimeter meter = new();
await using RpcServer instrument = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), meter);

// The controller has a server of its own, for the calls of the instrument.
ServiceRequests requests = new();
await using RpcServer interrupts = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), requests);

await using RpcClient client = await RpcClient.ConnectAsync(instrument.Endpoints[0]);
IDeviceCoreVersion core = client.Create<IDeviceCoreVersion>();
int link = (await core.CreateLinkAsync(new() { Device = "inst0" })).Lid;
Console.WriteLine($"identity: {await Ask("*IDN?")}");

await core.CreateIntrChanAsync(new()
{
    HostAddr = BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Loopback.GetAddressBytes()),
    HostPort = uint.Parse(interrupts.Endpoints[0].Port),
    ProgNum = DeviceIntrVersion.Program,
    ProgVers = DeviceIntrVersion.Version,
    ProgFamily = DeviceAddrFamily.Tcp,
});
await core.DeviceEnableSrqAsync(new() { Lid = link, Enable = true, Handle = "meter"u8.ToArray() });
await core.DeviceTriggerAsync(new() { Lid = link });
Console.WriteLine($"service requested: {await requests.First.WaitAsync(TimeSpan.FromSeconds(30))}");
Console.WriteLine($"status: 0x{(await core.DeviceReadstbAsync(new() { Lid = link })).Stb:x2}");
Console.WriteLine($"measured: {await Read()} V");
await core.DestroyIntrChanAsync();
await core.DestroyLinkAsync(link);

async Task<string> Ask(string command)
{
    await core.DeviceWriteAsync(new() { Lid = link, Data = Encoding.ASCII.GetBytes(command), IoTimeout = 2000 });
    return await Read();
}

async Task<string> Read()
{
    DeviceReadResp answer = await core.DeviceReadAsync(new() { Lid = link, RequestSize = 256, IoTimeout = 2000 });
    return answer.Error == 0 ? Encoding.ASCII.GetString(answer.Data).Trim() : throw new IOException($"the instrument says error {answer.Error}");
}

/// <summary>The controller's end of the interrupt channel. Its procedure has no reply.</summary>
internal sealed class ServiceRequests : IDeviceIntrVersion
{
    private readonly TaskCompletionSource<string> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<string> First => _first.Task;

    public ValueTask SrqAsync(DeviceSrqParms args, CancellationToken cancellationToken)
    {
        _first.TrySetResult(Encoding.ASCII.GetString(args.Handle));
        return default;
    }
}
