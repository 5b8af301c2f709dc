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
public sealed class NameServiceClient : IDisposable
{
    private readonly RpcClient _client;
    private uint _version = NameService.HighVersion;

    /// <summary>Connects to a name service.</summary>
    /// <param name="service">Where it is. Only over a stream does it tell long lists.</param>
    /// <param name="timeout">How long it may take to connect, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <exception cref="IOException">None is there; the message says what to do.</exception>
    public NameServiceClient(Endpoint service, TimeSpan? timeout = null)
    {
        Service = service;
        TimeSpan limit = timeout ?? UsualTimeout;
        try
        {
            _client = new(service, new() { Timeout = limit, ConnectTimeout = limit });
        }
        catch (SyscallException e)
        {
            throw NoneAt(service, e);
        }
    }

    /// <summary>How long a name service may usually take: 10 seconds.</summary>
    public static TimeSpan UsualTimeout { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Where it is.</summary>
    public Endpoint Service { get; private set; }

    /// <summary>
    /// That of this machine: by its UNIX-domain socket, as it knows who registers what only there; else, when it has none, over TCP
    /// from the loopback address.
    /// </summary>
    /// <param name="timeout">How long it may take to connect, and then to answer; null is <see cref="UsualTimeout"/>.</param>
    /// <exception cref="IOException">None is there.</exception>
    public static NameServiceClient OfThisMachine(TimeSpan? timeout = null)
    {
        Endpoint socket = new(EndpointKind.Unix, "", "", NameService.SocketPath);
        try
        {
            return new(socket, timeout);
        }
        catch (IOException e) when (e.InnerException is SyscallException { Errno: ENOENT or ECONNREFUSED })
        {
            return new(At("127.0.0.1"), timeout);
        }
    }

    /// <summary>That of a host, over TCP at the usual port of one of its addresses where there is one; <see cref="Service"/> says which.</summary>
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
    public static Endpoint At(string host, EndpointKind kind = EndpointKind.Tcp) => new(kind, host, $"{NameService.Port}", "");

    /// <summary>Registers a program's version.</summary>
    /// <returns>False when the service refuses: another address is registered, the table is full, or this caller may not.</returns>
    /// <exception cref="RpcException">The service failed, or cannot name this transport.</exception>
    public bool Set(Registration registration) => Ask(
        version => Call(version, RpcbindProcedure.Set, registration, ReadBool),
        () => PortmapCall(PortmapProcedure.Set, Portmap(registration), ReadBool));

    /// <summary>Removes the registration of a program's version over one transport; of portmap version 2, over TCP and UDP.</summary>
    /// <returns>False when it is another's; some services say so too when there was none.</returns>
    /// <exception cref="RpcException">The service failed.</exception>
    public bool Unset(Registration registration) => Ask(
        version => Call(version, RpcbindProcedure.Unset, registration, ReadBool),
        () => PortmapCall(PortmapProcedure.Unset, Portmap(registration), ReadBool));

    /// <summary>Where a program's version is served, or another version of it when that one is not.</summary>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netid">The transport.</param>
    /// <param name="host">The host's numeric address as it is known here: where a server is that listens on every interface.</param>
    /// <returns>The endpoint; null when there is none.</returns>
    /// <exception cref="RpcException">The service failed.</exception>
    public Endpoint? Find(uint program, uint version, Netid netid, string host)
    {
        // By a UNIX-domain socket rpcbind(8) does not look into other families.
        if (netid != Netid.Local && !Service.Kind.IsInternet())
            return Listed(program, version, netid) is { } listed ? UniversalAddress.Reached(listed, host) : null;

        // The call has the address by which the service is known: r_addr, RFC 1833 section 2.2.1.
        string hint = netid.Kind.IsInternet() ? UniversalAddress.Of(At(host, netid.Kind)) : "";
        Registration asked = new(program, version, netid.Name, hint, "");
        string address = Ask(
            one => Call(one, RpcbindProcedure.GetAddress, asked, Registration.ReadText),
            () => netid.PortmapProtocol == 0 ? "" : PortmapCall(PortmapProcedure.GetPort, new(program, version, netid.PortmapProtocol, 0), ReadPort));
        return (asked with { Address = address }).Endpoint is { } endpoint ? UniversalAddress.Reached(endpoint, host) : null;
    }

    private Endpoint? Listed(uint program, uint version, Netid netid)
    {
        Registration[] all = [.. Of(program, netid)];
        return (all.FirstOrDefault(one => one.Version == version) ?? all.LastOrDefault())?.Endpoint;
    }

    private IEnumerable<Registration> Of(uint program, Netid netid) =>
        Dump().Where(one => one.Program == program && one.Netid == netid.Name && one.Endpoint is not null);

    /// <summary>The highest version of a program that is served over a transport.</summary>
    /// <param name="program">The program.</param>
    /// <param name="netid">The transport.</param>
    /// <returns>Its registration, which has an endpoint; null when there is none.</returns>
    /// <exception cref="RpcException">The service failed; or refused, as over UDP the list may be too long for it.</exception>
    public Registration? FindHighest(uint program, Netid netid) => Of(program, netid).MaxBy(one => one.Version);

    /// <summary>All that is registered.</summary>
    /// <exception cref="RpcException">The service failed; or refused, as over UDP the list may be too long for it.</exception>
    public IReadOnlyList<Registration> Dump()
    {
        try
        {
            return Ask(
                version => List(version, (uint)RpcbindProcedure.Dump, Registration.Read),
                () => [.. List(NameService.PortmapVersion, (uint)PortmapProcedure.Dump, PortmapMapping.Read).Select(one => one.ToRegistration()).OfType<Registration>()]);
        }
        catch (RpcException e) when (Service.Kind.IsDatagram())
        {
            throw new RpcException($"{Service} tells no list: {e.Message}; in datagrams it may be too long for it, so ask over TCP", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static bool ReadBool(ref XdrReader reader) => reader.ReadBool();

    private static string ReadPort(ref XdrReader reader) => reader.ReadUInt32() is > 0 and <= ushort.MaxValue and uint port
        ? UniversalAddress.Of(new(EndpointKind.Tcp, UniversalAddress.AnyIPv4, $"{port}", ""))
        : "";

    // A linked list: each element after TRUE, FALSE at the end.
    private List<T> List<T>(uint version, uint procedure, XdrUnmarshal<T> read) => Call<XdrUnmarshal<T>, List<T>>(
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
        });

    private static PortmapMapping Portmap(Registration registration) => PortmapMapping.Of(registration)
        ?? throw new RpcException($"the name service speaks version 2 only, which knows no {registration.Netid}: serve TCP or UDP over IPv4");

    private static IOException NoneAt(Endpoint service, IOException e) =>
        new($"no name service at {service}: start rpcbind (or multiplex rpcbind) there, or write the server's own endpoint: {e.Message}", e);

    // A service that lacks a version says so, and the next lower one is tried; which it has does not change meanwhile.
    private T Ask<T>(Func<uint, T> rpcbind, Func<T> portmap)
    {
        while (true)
        {
            try
            {
                return _version > NameService.PortmapVersion ? rpcbind(_version) : portmap();
            }
            catch (RpcProgramMismatchException) when (_version > NameService.PortmapVersion)
            {
                _version--;
            }
        }
    }

    private T Call<T>(uint version, RpcbindProcedure procedure, Registration argument, XdrUnmarshal<T> read) =>
        Call(version, (uint)procedure, argument, static (writer, registration) => registration.Write(writer), read);

    private T PortmapCall<T>(PortmapProcedure procedure, PortmapMapping argument, XdrUnmarshal<T> read) =>
        Call(NameService.PortmapVersion, (uint)procedure, argument, static (writer, mapping) => mapping.Write(writer), read);

    private T Call<TArgument, T>(uint version, uint procedure, TArgument argument, XdrMarshal<TArgument> write, XdrUnmarshal<T> read)
    {
        try
        {
            return _client.Call(new RpcProcedure(NameService.Program, version, procedure), argument, write, read);
        }
        catch (RpcConnectionException e)
        {
            throw NoneAt(Service, e);   // over UDP it is the first call that tells
        }
    }
}
