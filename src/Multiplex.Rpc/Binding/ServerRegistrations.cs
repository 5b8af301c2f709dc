using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// What a server has registered with a name service: made when it starts, made again when the name service has forgotten it, removed when
/// it stops. What a dead server has left is replaced; a server that answers is not. For one thread at a time.
/// </summary>
public sealed class ServerRegistrations
{
    // A server that lives may be held up for a while: if it is taken for a dead one, it loses its registration.
    private static readonly RpcClientOptions s_pingOptions = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly Endpoint? _service;
    private readonly List<Registration> _made = [];

    private ServerRegistrations(Endpoint? service) => _service = service;

    /// <summary>Registers programs at addresses.</summary>
    /// <param name="service">Which name service; null is that of this machine.</param>
    /// <param name="programs">The programs, each with a version.</param>
    /// <param name="addresses">Where each of them is served; at most one for each netid.</param>
    /// <exception cref="IOException">There is no name service, or it refuses, or another server answers at the address that is
    /// registered. Nothing is registered then.</exception>
    /// <exception cref="FormatException">An address has no netid, or shares one with another address.</exception>
    public static ServerRegistrations Make(
        Endpoint? service, IReadOnlyList<(uint Number, uint Version)> programs, IReadOnlyList<Endpoint> addresses)
    {
        ServerRegistrations registrations = new(service);
        try
        {
            IReadOnlyList<Registration> wanted = All(programs, addresses);
            using NameServiceClient names = registrations.Connect();
            foreach ((uint, uint) program in programs)
                Clear(names, program, wanted);
            foreach (Registration registration in wanted)
            {
                Set(names, registration);
                registrations._made.Add(registration);
            }

            return registrations;
        }
        catch (IOException)
        {
            registrations.RemoveQuietly();
            throw;
        }
    }

    private static IReadOnlyList<Registration> All(IReadOnlyList<(uint Number, uint Version)> programs, IReadOnlyList<Endpoint> addresses)
    {
        Dictionary<Netid, Endpoint> byNetid = [];
        foreach (Endpoint address in addresses)
        {
            Netid netid = Netid.Of(address) ?? throw new FormatException($"{address} cannot be registered: a name service has the transports {string.Join(", ", Netid.All)}");
            if (!byNetid.TryAdd(netid, address))
                throw new FormatException($"{address} cannot be registered: a name service keeps one address for {netid}, and {byNetid[netid]} is that");
        }

        return
        [
            .. from program in programs
               from entry in byNetid
               select new Registration(program.Number, program.Version, entry.Key.Name, AddressOf(entry.Value), $"{Libc.geteuid()}"),
        ];
    }

    /// <summary>
    /// Registers again what the name service no longer knows, as after its restart. An address that another server has registered meanwhile
    /// stays. It is one connection and few calls, so that it may be repeated often.
    /// </summary>
    /// <returns>How many were missing.</returns>
    /// <exception cref="IOException">There is no name service now, or it refuses.</exception>
    public int Restore()
    {
        using NameServiceClient names = Connect();
        IReadOnlyList<Registration> present = names.Dump();
        Registration[] missing = [.. _made.Where(own => !present.Any(one => IsOf(one, own) && !one.IsElsewhere))];
        foreach (Registration registration in missing)
            Set(names, registration);
        return missing.Length;
    }

    /// <summary>Removes the registrations that this server made and that are still there.</summary>
    /// <exception cref="IOException">There is no name service any more.</exception>
    public void Remove()
    {
        if (_made.Count == 0)
            return;
        using NameServiceClient names = Connect();
        IReadOnlyList<Registration> present = names.Dump();
        foreach (Registration registration in _made)
        {
            // Portmap version 2 removes TCP and UDP in one go; and an address that another server has registered since belongs to that one.
            if (present.Any(one => IsOf(one, registration) && one.Address == registration.Address))
                names.Unset(registration);
        }

        _made.Clear();
    }

    // The first failure is the one to report.
    private void RemoveQuietly()
    {
        try
        {
            Remove();
        }
        catch (IOException)
        {
            // as the registration did
        }
    }

    private static bool IsOf(Registration one, Registration other) =>
        one.Program == other.Program && one.Version == other.Version && one.Netid == other.Netid;

    private static string AddressOf(Endpoint address) => UniversalAddress.Of(
        address.Kind == EndpointKind.Unix && !address.Path.StartsWith('@') ? address with { Path = Path.GetFullPath(address.Path) } : address);

    private NameServiceClient Connect() => _service is null ? NameServiceClient.OfThisMachine() : new(_service);

    // Registrations of a dead server are removed, those for other transports too. Those of another owner stay: RPCBPROC_SET then fails.
    private static void Clear(NameServiceClient names, (uint Number, uint Version) program, IReadOnlyList<Registration> wanted)
    {
        foreach (Registration left in names.Dump().Where(one => (one.Program, one.Version) == program && !one.IsElsewhere))
        {
            Registration? rival = wanted.FirstOrDefault(one => IsOf(one, left));
            if (rival?.Address == left.Address)
                continue;

            // Another server had the port or path of this one before: it has ended.
            bool isGone = left.Endpoint is not { } endpoint || (rival?.Endpoint is { } own && own.Port == endpoint.Port && own.Path == endpoint.Path)
                || !Answers(UniversalAddress.ReachedHere(endpoint), left);
            if (isGone)
                names.Unset(left);
            else if (rival is not null)
                throw Refused(names, left, $"another server answers at {left.Endpoint}: stop it first");
        }
    }

    private static void Set(NameServiceClient names, Registration registration)
    {
        if (names.Set(registration))
            return;
        Registration? other = names.Dump().FirstOrDefault(one => IsOf(one, registration) && !one.IsElsewhere);
        throw Refused(names, registration, other is null
            ? "it takes registrations from this machine only, and so many at most"
            : $"{other.Address} is registered, and belongs to {other.Owner}: remove it as that user (rpcinfo -d)");
    }

    private static IOException Refused(NameServiceClient names, Registration registration, string why) => new(
        $"{names.Service} does not register program {registration.Program} version {registration.Version} for {registration.Netid}: {why}");

    private static bool Answers(Endpoint server, Registration registration)
    {
        try
        {
            using RpcClient client = new(server, s_pingOptions);
            return client.Call<object?, bool>(
                new(registration.Program, registration.Version, 0), null, static (_, _) => { }, static (ref XdrReader _) => true);
        }
        catch (IOException)
        {
            return false;   // no server is there, or one that does not serve this program
        }
    }
}
