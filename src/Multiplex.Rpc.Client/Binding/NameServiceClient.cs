using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// A client of a name service, RFC 1833: asks where programs are served, and registers those of this machine. It speaks version 4,
/// and 3 or 2 where the service has no higher one.
/// </summary>
/// <remarks>Blocking and asynchronous methods share their code: where the parameter isAsync is false, every task has ended when it is returned.</remarks>
public sealed class NameServiceClient : IDisposable
{
    private static readonly Endpoint s_local = new(EndpointKind.Unix, "", "", NameServiceNumbers.SocketPath);

    private readonly RpcClient _client;
    private uint _version = NameServiceNumbers.HighVersion;

    /// <summary>Connects to a name service.</summary>
    /// <param name="service">Where it is. Long lists come over a stream only.</param>
    /// <param name="timeout">How long it may take to connect, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <exception cref="IOException">None is there; the message says what to do.</exception>
    public NameServiceClient(Endpoint service, TimeSpan? timeout = null)
        : this(service, Connect(isAsync: false, service, timeout, CancellationToken.None).GetAwaiter().GetResult())
    {
    }

    private NameServiceClient(Endpoint service, RpcClient client) => (Service, _client) = (service, client);

    /// <summary>How long a name service may usually take: 10 seconds.</summary>
    public static TimeSpan UsualTimeout { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Where it is.</summary>
    public Endpoint Service { get; private set; }

    /// <summary>
    /// Connects to the name service of this machine: by its UNIX-domain socket, where it knows the user that registers; if it has none, over TCP from the
    /// loopback address.
    /// </summary>
    /// <param name="timeout">How long it may take to connect, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <exception cref="IOException">None is there.</exception>
    public static NameServiceClient OfThisMachine(TimeSpan? timeout = null)
    {
        try
        {
            return new(s_local, timeout);
        }
        catch (IOException e) when (IsAbsent(e))
        {
            return new(At("127.0.0.1"), timeout);
        }
    }

    /// <inheritdoc cref="NameServiceClient(Endpoint, TimeSpan?)"/>
    /// <param name="service">Where it is.</param>
    /// <param name="timeout">How long it may take to connect, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<NameServiceClient> ConnectAsync(Endpoint service, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        new(service, await Connect(isAsync: true, service, timeout, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc cref="OfThisMachine"/>
    public static async Task<NameServiceClient> OfThisMachineAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        try
        {
            return await ConnectAsync(s_local, timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (IsAbsent(e))
        {
            return await ConnectAsync(At("127.0.0.1"), timeout, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Connects to the name service of a host, over TCP at the usual port of the first of its addresses that has one; <see cref="Service"/> says which.</summary>
    /// <param name="host">The host's name or address.</param>
    /// <param name="timeout">How long it may take to connect, over all addresses, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <exception cref="IOException">None is there, or the host is not known.</exception>
    public static NameServiceClient OfHost(string host, TimeSpan? timeout = null)
    {
        NameServiceClient client = new(At(host), timeout);
        client.Service = client._client.Address;
        return client;
    }

    /// <summary>The usual address of a host's name service.</summary>
    public static Endpoint At(string host, EndpointKind kind = EndpointKind.Tcp) => new(kind, host, $"{NameServiceNumbers.Port}", "");

    /// <summary>Registers a program's version.</summary>
    /// <returns>False when the service refuses: another address is registered, the table is full, or this caller may not.</returns>
    /// <exception cref="RpcException">The service failed, or cannot name this transport.</exception>
    public bool Set(Registration registration) => Ask(
        version => Call(false, version, RpcbindProcedure.Set, registration, ReadBool),
        () => PortmapCall(false, PortmapProcedure.Set, Portmap(registration), ReadBool)).GetAwaiter().GetResult();

    /// <summary>Removes the registration of a program's version over one transport; of portmap version 2, over TCP and UDP.</summary>
    /// <returns>False when it belongs to another owner; some services return false too when there was none.</returns>
    /// <exception cref="RpcException">The service failed.</exception>
    public bool Unset(Registration registration) => Ask(
        version => Call(false, version, RpcbindProcedure.Unset, registration, ReadBool),
        () => PortmapCall(false, PortmapProcedure.Unset, Portmap(registration), ReadBool)).GetAwaiter().GetResult();

    /// <summary>Where a program's version is served, or another version of it when that one is not.</summary>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netid">The transport.</param>
    /// <param name="host">The host's numeric address as it is known here: where a server is that listens on every interface.</param>
    /// <returns>The endpoint; null when there is none.</returns>
    /// <exception cref="RpcException">The service failed.</exception>
    public Endpoint? Find(uint program, uint version, Netid netid, string host) =>
        Find(isAsync: false, program, version, netid, host, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc cref="Find(uint, uint, Netid, string)"/>
    public Task<Endpoint?> FindAsync(uint program, uint version, Netid netid, string host, CancellationToken cancellationToken = default) =>
        Find(isAsync: true, program, version, netid, host, cancellationToken);

    private async Task<Endpoint?> Find(bool isAsync, uint program, uint version, Netid netid, string host, CancellationToken cancellation)
    {
        // Over a UNIX-domain socket rpcbind(8) does not search other address families.
        if (netid != Netid.Local && !Service.Kind.IsInternet())
            return await Listed(isAsync, program, version, netid, cancellation).ConfigureAwait(false) is { } listed ? UniversalAddress.Reached(listed, host) : null;

        // The call contains the address by which the client knows the service: r_addr, RFC 1833 section 2.2.1.
        string hint = netid.Kind.IsInternet() ? UniversalAddress.Of(At(host, netid.Kind)) : "";
        Registration asked = new(program, version, netid.Name, hint, "");
        string address = await Ask(
            one => Call(isAsync, one, RpcbindProcedure.GetAddress, asked, Registration.ReadText, cancellation),
            () => netid.PortmapProtocol == 0 ? Task.FromResult("")
                : PortmapCall(isAsync, PortmapProcedure.GetPort, new(program, version, netid.PortmapProtocol, 0), ReadPort, cancellation)).ConfigureAwait(false);
        return (asked with { Address = address }).Endpoint is { } endpoint ? UniversalAddress.Reached(endpoint, host) : null;
    }

    private async Task<Endpoint?> Listed(bool isAsync, uint program, uint version, Netid netid, CancellationToken cancellation)
    {
        Registration[] all = [.. await Of(isAsync, program, netid, cancellation).ConfigureAwait(false)];
        return (all.FirstOrDefault(one => one.Version == version) ?? all.LastOrDefault())?.Endpoint;
    }

    private async Task<IEnumerable<Registration>> Of(bool isAsync, uint program, Netid netid, CancellationToken cancellation) =>
        (await Dump(isAsync, cancellation).ConfigureAwait(false)).Where(one => one.Program == program && one.Netid == netid.Name && one.Endpoint is not null);

    /// <summary>The highest version of a program that is served over a transport.</summary>
    /// <param name="program">The program.</param>
    /// <param name="netid">The transport.</param>
    /// <returns>Its registration, which has an endpoint; null when there is none.</returns>
    /// <exception cref="RpcException">The service failed; or refused, as over UDP the list may be too long for it.</exception>
    public Registration? FindHighest(uint program, Netid netid) =>
        FindHighest(isAsync: false, program, netid, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc cref="FindHighest(uint, Netid)"/>
    public Task<Registration?> FindHighestAsync(uint program, Netid netid, CancellationToken cancellationToken = default) =>
        FindHighest(isAsync: true, program, netid, cancellationToken);

    private async Task<Registration?> FindHighest(bool isAsync, uint program, Netid netid, CancellationToken cancellation) =>
        (await Of(isAsync, program, netid, cancellation).ConfigureAwait(false)).MaxBy(one => one.Version);

    /// <summary>All that is registered.</summary>
    /// <exception cref="RpcException">The service failed; or refused, as over UDP the list may be too long for it.</exception>
    public IReadOnlyList<Registration> Dump() => Dump(isAsync: false, CancellationToken.None).GetAwaiter().GetResult();

    private async Task<IReadOnlyList<Registration>> Dump(bool isAsync, CancellationToken cancellation)
    {
        try
        {
            return await Ask(
                version => List(isAsync, version, (uint)RpcbindProcedure.Dump, Registration.Read, cancellation),
                async () => (await List(isAsync, NameServiceNumbers.PortmapVersion, (uint)PortmapProcedure.Dump, PortmapMapping.Read, cancellation).ConfigureAwait(false))
                    .Select(one => one.ToRegistration()).OfType<Registration>().ToList()).ConfigureAwait(false);
        }
        catch (RpcException e) when (Service.Kind.IsDatagram())
        {
            throw new RpcException($"{Service} sends no list: {e.Message}; in datagrams it may be too long for it, so ask over TCP", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static bool ReadBool(ref XdrReader reader) => reader.ReadBool();

    private static string ReadPort(ref XdrReader reader) => reader.ReadUInt32() is > 0 and <= ushort.MaxValue and uint port
        ? UniversalAddress.Of(new(EndpointKind.Tcp, UniversalAddress.AnyIPv4, $"{port}", ""))
        : "";

    // A linked list: each element after TRUE, FALSE at the end.
    private Task<List<T>> List<T>(bool isAsync, uint version, uint procedure, XdrUnmarshal<T> read, CancellationToken cancellation) => Call<XdrUnmarshal<T>, List<T>>(
        isAsync,
        version,
        procedure,
        read,
        static (_, _) => { },
        (ref XdrReader reader) =>
        {
            List<T> list = [];
            while (reader.ReadBool())
                list.Add(read(ref reader));
            return list;
        },
        cancellation);

    private static PortmapMapping Portmap(Registration registration) => PortmapMapping.Of(registration)
        ?? throw new RpcException($"the name service speaks version 2 only, which has no {registration.Netid}: serve TCP or UDP over IPv4");

    private static async Task<RpcClient> Connect(bool isAsync, Endpoint service, TimeSpan? timeout, CancellationToken cancellation)
    {
        TimeSpan limit = timeout ?? UsualTimeout;
        RpcClientOptions options = new() { Timeout = limit, ConnectTimeout = limit };
        try
        {
            return isAsync ? await RpcClient.ConnectAsync(service, options, cancellation).ConfigureAwait(false) : new(service, options);
        }
        catch (SyscallException e)
        {
            throw NoneAt(service, e);
        }
    }

    private static bool IsAbsent(IOException e) => e.InnerException is SyscallException { Errno: ENOENT or ECONNREFUSED };

    private static IOException NoneAt(Endpoint service, IOException e) =>
        new($"no name service at {service}: start rpcbind (or multiplex rpcbind) there, or write the server's own endpoint: {e.Message}", e);

    // A service that lacks a version answers so, and the next lower one is tried. The versions of a service do not change meanwhile.
    private async Task<T> Ask<T>(Func<uint, Task<T>> rpcbind, Func<Task<T>> portmap)
    {
        while (true)
        {
            try
            {
                return await (_version > NameServiceNumbers.PortmapVersion ? rpcbind(_version) : portmap()).ConfigureAwait(false);
            }
            catch (RpcProgramMismatchException) when (_version > NameServiceNumbers.PortmapVersion)
            {
                _version--;
            }
        }
    }

    private Task<T> Call<T>(
        bool isAsync, uint version, RpcbindProcedure procedure, Registration argument, XdrUnmarshal<T> read, CancellationToken cancellation = default) =>
        Call(isAsync, version, (uint)procedure, argument, static (writer, registration) => registration.Write(writer), read, cancellation);

    private Task<T> PortmapCall<T>(
        bool isAsync, PortmapProcedure procedure, PortmapMapping argument, XdrUnmarshal<T> read, CancellationToken cancellation = default) =>
        Call(isAsync, NameServiceNumbers.PortmapVersion, (uint)procedure, argument, static (writer, mapping) => mapping.Write(writer), read, cancellation);

    private async Task<T> Call<TArgument, T>(
        bool isAsync, uint version, uint procedure, TArgument argument, XdrMarshal<TArgument> write, XdrUnmarshal<T> read, CancellationToken cancellation)
    {
        RpcProcedure called = new(NameServiceNumbers.Program, version, procedure);
        try
        {
            return isAsync
                ? await _client.CallAsync(called, argument, write, read, cancellation: cancellation).ConfigureAwait(false)
                : _client.Call(called, argument, write, read);
        }
        catch (RpcConnectionException e)
        {
            throw NoneAt(Service, e);   // over UDP the first call shows whether there is one
        }
    }
}
