using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Vxi11;

namespace Instrument;

/// <summary>
/// A voltmeter that speaks VXI-11: a controller writes commands to it, reads their answers, and may open an interrupt channel, on which the instrument calls
/// the controller when it wants service.
/// </summary>
internal sealed class Multimeter : IDeviceCoreVersion, IDeviceAsyncVersion, IAsyncDisposable
{
    // Appendix B of VXI-11.
    private const int NoError = 0, InvalidLink = 4, ChannelNotEstablished = 6, OperationNotSupported = 8, Locked = 11, NoLockHeld = 12, IoTimeout = 15, ChannelEstablished = 29;
    private const int EndOfMessage = 4, RequestedCount = 1;     // reasons why a read ended
    private const byte RequestsService = 0x40, MessageAvailable = 0x10;   // of the status byte, IEEE 488.2

    private readonly ConcurrentDictionary<int, Link> _links = new();
    private readonly Lock _lock = new();
    private int _lastLink;
    private int _lockedBy;             // a link, or 0
    private RpcClient? _interrupts;

    public ValueTask<CreateLinkResp> CreateLinkAsync(CreateLinkParms args, CancellationToken cancellationToken)
    {
        int lid = Interlocked.Increment(ref _lastLink);
        if (args.LockDevice && !TryLock(lid))
            return new(new CreateLinkResp { Error = Locked });
        _links[lid] = new();
        return new(new CreateLinkResp { Lid = lid, MaxRecvSize = 65536 });
    }

    public async ValueTask<DeviceWriteResp> DeviceWriteAsync(DeviceWriteParms args, CancellationToken cancellationToken)
    {
        if (Check(args.Lid, out Link link) is not NoError and var error)
            return new() { Error = error };
        string command = Encoding.ASCII.GetString(args.Data).Trim();
        if (command == "*IDN?")
            link.Answer("MULTIPLEX,SAMPLE METER,0,1.0\n");
        else if (command == "MEAS:VOLT?")
            link.Answer((await Measure(cancellationToken).ConfigureAwait(false)).ToString("0.000\n", CultureInfo.InvariantCulture));
        return new() { Size = (uint)args.Data.Length };
    }

    public async ValueTask<DeviceReadResp> DeviceReadAsync(DeviceReadParms args, CancellationToken cancellationToken)
    {
        if (Check(args.Lid, out Link link) is not NoError and var error)
            return new() { Error = error };
        byte[]? data = await link.ReadAsync((int)Math.Min(args.RequestSize, 65536), TimeSpan.FromMilliseconds(args.IoTimeout), cancellationToken).ConfigureAwait(false);
        return data is null ? new() { Error = IoTimeout } : new() { Data = data, Reason = link.HasAnswer ? RequestedCount : EndOfMessage };
    }

    public ValueTask<DeviceReadStbResp> DeviceReadstbAsync(DeviceGenericParms args, CancellationToken cancellationToken)
    {
        int error = Check(args.Lid, out Link link);
        return new(new DeviceReadStbResp { Error = error, Stb = error == NoError ? link.TakeStatus() : (byte)0 });
    }

    // Measures, and asks for service when that is done. The call is answered at once.
    public ValueTask<DeviceError> DeviceTriggerAsync(DeviceGenericParms args, CancellationToken cancellationToken)
    {
        int error = Check(args.Lid, out Link link);
        if (error == NoError)
            _ = MeasureAndRequestServiceAsync(link);
        return Error(error);
    }

    public ValueTask<DeviceError> DeviceClearAsync(DeviceGenericParms args, CancellationToken cancellationToken)
    {
        int error = Check(args.Lid, out Link link);
        if (error == NoError)
            link.Clear();
        return Error(error);
    }

    public ValueTask<DeviceError> DeviceRemoteAsync(DeviceGenericParms args, CancellationToken cancellationToken) => Error(Check(args.Lid, out _));

    public ValueTask<DeviceError> DeviceLocalAsync(DeviceGenericParms args, CancellationToken cancellationToken) => Error(Check(args.Lid, out _));

    public ValueTask<DeviceError> DeviceLockAsync(DeviceLockParms args, CancellationToken cancellationToken) =>
        Error(!_links.ContainsKey(args.Lid) ? InvalidLink : TryLock(args.Lid) ? NoError : Locked);

    public ValueTask<DeviceError> DeviceUnlockAsync(int args, CancellationToken cancellationToken) => Error(TryUnlock(args) ? NoError : NoLockHeld);

    public ValueTask<DeviceError> DeviceEnableSrqAsync(DeviceEnableSrqParms args, CancellationToken cancellationToken)
    {
        if (!_links.TryGetValue(args.Lid, out Link? link))
            return Error(InvalidLink);
        link.ServiceHandle = args.Enable ? args.Handle : null;
        return Error(NoError);
    }

    public ValueTask<DeviceDocmdResp> DeviceDocmdAsync(DeviceDocmdParms args, CancellationToken cancellationToken) => new(new DeviceDocmdResp { Error = OperationNotSupported });

    public ValueTask<DeviceError> DestroyLinkAsync(int args, CancellationToken cancellationToken)
    {
        TryUnlock(args);
        return Error(_links.TryRemove(args, out _) ? NoError : InvalidLink);
    }

    // The instrument becomes a client of its controller.
    public async ValueTask<DeviceError> CreateIntrChanAsync(DeviceRemoteFunc args, CancellationToken cancellationToken)
    {
        IPAddress host = new(BitConverter.GetBytes(IPAddress.HostToNetworkOrder((int)args.HostAddr)));
        string scheme = args.ProgFamily == DeviceAddrFamily.Udp ? "udp" : "tcp";
        RpcClient channel = await RpcClient.ConnectAsync($"{scheme}://{host}:{args.HostPort}", cancellationToken: cancellationToken).ConfigureAwait(false);
        if (Interlocked.CompareExchange(ref _interrupts, channel, null) is null)
            return new();
        await channel.DisposeAsync().ConfigureAwait(false);
        return new() { Error = ChannelEstablished };
    }

    public async ValueTask<DeviceError> DestroyIntrChanAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _interrupts, null) is not { } channel)
            return new() { Error = ChannelNotEstablished };
        await channel.DisposeAsync().ConfigureAwait(false);
        return new();
    }

    // The abort channel: what waits to be read is given up.
    public ValueTask<DeviceError> AbortAsync(int args, CancellationToken cancellationToken)
    {
        if (!_links.TryGetValue(args, out Link? link))
            return Error(InvalidLink);
        link.Clear();
        return Error(NoError);
    }

    public async ValueTask DisposeAsync() => await DestroyIntrChanAsync(default).ConfigureAwait(false);

    private static ValueTask<DeviceError> Error(int error) => new(new DeviceError { Error = error });

    private static async Task<double> Measure(CancellationToken cancellationToken)
    {
        await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        return 4.2;
    }

    private async Task MeasureAndRequestServiceAsync(Link link)
    {
        link.Answer((await Measure(default).ConfigureAwait(false)).ToString("0.000\n", CultureInfo.InvariantCulture));
        if (link.ServiceHandle is { } handle && _interrupts is { } channel)
            await channel.Create<IDeviceIntrVersion>().SrqAsync(new() { Handle = handle }).ConfigureAwait(false);
    }

    private int Check(int lid, out Link link)
    {
        if (!_links.TryGetValue(lid, out link!))
            return InvalidLink;
        lock (_lock)
            return _lockedBy == 0 || _lockedBy == lid ? NoError : Locked;
    }

    private bool TryLock(int lid)
    {
        lock (_lock)
        {
            if (_lockedBy != 0 && _lockedBy != lid)
                return false;
            _lockedBy = lid;
            return true;
        }
    }

    private bool TryUnlock(int lid)
    {
        lock (_lock)
        {
            if (_lockedBy != lid)
                return false;
            _lockedBy = 0;
            return true;
        }
    }

    /// <summary>What a controller has opened: the answers that it has not read.</summary>
    private sealed class Link
    {
        private readonly Lock _gate = new();
        private byte[] _answer = [];
        private TaskCompletionSource _arrived = New();
        private bool _requestsService;

        /// <summary>What the controller wants its interrupt to name; null while it wants none.</summary>
        public byte[]? ServiceHandle { get; set; }

        public bool HasAnswer
        {
            get
            {
                lock (_gate)
                    return _answer.Length > 0;
            }
        }

        public void Answer(string text)
        {
            lock (_gate)
            {
                _answer = Encoding.ASCII.GetBytes(text);
                _requestsService = true;
                _arrived.TrySetResult();
            }
        }

        public async Task<byte[]?> ReadAsync(int most, TimeSpan timeout, CancellationToken cancellationToken)
        {
            Task arrived;
            lock (_gate)
                arrived = _arrived.Task;
            try
            {
                await arrived.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return null;
            }

            lock (_gate)
            {
                byte[] read = _answer[..Math.Min(most, _answer.Length)];
                _answer = _answer[read.Length..];
                if (_answer.Length == 0)
                    _arrived = New();
                return read;
            }
        }

        /// <summary>The status byte. To read it ends the request for service.</summary>
        public byte TakeStatus()
        {
            lock (_gate)
            {
                byte status = (byte)((_requestsService ? RequestsService : 0) | (_answer.Length > 0 ? MessageAvailable : 0));
                _requestsService = false;
                return status;
            }
        }

        public void Clear()
        {
            lock (_gate)
            {
                (_answer, _requestsService) = ([], false);
                if (_arrived.Task.IsCompleted)
                    _arrived = New();
            }
        }

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
