using Multiplex.Interop;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>Versions 3 and 4 of the name service, rpcbind, RFC 1833 section 2: universal addresses over any transport.</summary>
internal sealed class RpcbindProgram(NameService service, uint version) : IRpcProgram
{
    public uint Number => NameService.Program;

    public uint Version => version;

    // Procedures that call another server are not quick.
    public IReadOnlyList<ProcedureEntry> Procedures =>
    [
        .. Enum.GetValues<RpcbindProcedure>().Select(one => new ProcedureEntry((uint)one, Call)
        {
            IsIdempotent = true,
            IsQuick = one is not (RpcbindProcedure.CallIt or RpcbindProcedure.Indirect),
        }),
    ];

    private AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        service.Statistics.Count(call);
        if (call.Procedure > (uint)RpcbindProcedure.TaddrToUaddr && version < NameService.HighVersion)
            return AcceptStatus.ProcedureUnavailable;
        NameServiceCaller caller = NameServiceCaller.Of(call);
        return (RpcbindProcedure)call.Procedure switch
        {
            RpcbindProcedure.Null or RpcbindProcedure.Dump or RpcbindProcedure.GetTime or RpcbindProcedure.GetStatistics =>
                Tell((RpcbindProcedure)call.Procedure, ref arguments, results),
            RpcbindProcedure.Set or RpcbindProcedure.Unset or RpcbindProcedure.GetAddress
                or RpcbindProcedure.GetVersionAddress or RpcbindProcedure.GetAddressList =>
                Look(call, caller, ref arguments, results),
            RpcbindProcedure.CallIt or RpcbindProcedure.Indirect => CallForOthers(call, ref arguments, results),
            RpcbindProcedure.UaddrToTaddr => UaddrToTaddr(caller, ref arguments, results),
            RpcbindProcedure.TaddrToUaddr => TaddrToUaddr(caller, ref arguments, results),
            _ => AcceptStatus.ProcedureUnavailable,
        };
    }

    // Procedures that take no argument.
    private AcceptStatus Tell(RpcbindProcedure procedure, ref XdrReader arguments, XdrWriter results)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        switch (procedure)
        {
            case RpcbindProcedure.Dump:
                foreach (Registration registration in service.All())
                {
                    results.WriteBool(true);
                    registration.Write(results);
                }

                results.WriteBool(false);
                break;
            case RpcbindProcedure.GetTime:
                results.WriteUInt32((uint)DateTimeOffset.UtcNow.ToUnixTimeSeconds());
                break;
            case RpcbindProcedure.GetStatistics:
                service.Statistics.Write(results);
                break;
        }

        return AcceptStatus.Success;
    }

    // Procedures that take a struct rpcb.
    private AcceptStatus Look(in RpcCall call, in NameServiceCaller caller, ref XdrReader arguments, XdrWriter results)
    {
        Registration asked = Registration.Read(ref arguments);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;

        // Without a transport, the call is for the one that it came by; RPCBPROC_UNSET is for all of them.
        string netid = asked.Netid.Length > 0 ? asked.Netid : caller.Netid.Name;
        switch ((RpcbindProcedure)call.Procedure)
        {
            case RpcbindProcedure.Set:
                results.WriteBool(service.Set(call, asked));
                break;
            case RpcbindProcedure.Unset:
                IEnumerable<Netid> netids = Netid.All.Where(one => asked.Netid.Length == 0 || one.Name == asked.Netid);
                results.WriteBool(service.Unset(call, asked.Program, asked.Version, netids));
                break;
            case RpcbindProcedure.GetAddress:
                Registration? any = service.FindAnyVersion(asked.Program, asked.Version, netid);
                Registration.WriteText(results, any is null ? "" : AddressFor(call, asked.Address, any));
                break;
            case RpcbindProcedure.GetVersionAddress:
                Registration? exact = service.Find(asked.Program, asked.Version, netid);
                Registration.WriteText(results, exact is null ? "" : AddressFor(call, asked.Address, exact));
                break;
            default:
                WriteAddressList(call, asked, results);
                break;
        }

        return AcceptStatus.Success;
    }

    // RPCBPROC_GETADDRLIST: rpcb_entry_list, RFC 1833 section 2.1
    private void WriteAddressList(in RpcCall call, Registration asked, XdrWriter results)
    {
        foreach (Netid netid in Netid.All)
        {
            if (service.Find(asked.Program, asked.Version, netid.Name) is not { } registration)
                continue;
            results.WriteBool(true);
            Registration.WriteText(results, AddressFor(call, asked.Address, registration));
            Registration.WriteText(results, netid.Name);
            results.WriteUInt32(netid.Semantics);
            Registration.WriteText(results, netid.ProtocolFamily);
            Registration.WriteText(results, netid.Protocol);
        }

        results.WriteBool(false);
    }

    // To a struct rpcb_rmtcallres: the server's address, and its results.
    private AcceptStatus CallForOthers(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        if (service.Indirect is not { } calls)
            return AcceptStatus.ProcedureUnavailable;
        AcceptStatus status = calls.Call(ref arguments, out Registration? server, out byte[] answer);
        if (status == AcceptStatus.Success)
        {
            Registration.WriteText(results, AddressFor(call, "", server!));
            results.WriteOpaque(answer);
        }

        return status;
    }

    // The address of a server that listens on every interface is that by which its client reaches this machine. The client sends
    // the address that it called, in r_addr, RFC 1833 section 2.2.1; else it is the one that this machine answers from.
    private static string AddressFor(in RpcCall call, string hint, Registration found)
    {
        if (found.Endpoint is not { } endpoint || !UniversalAddress.IsEverywhere(endpoint))
            return found.Address;
        if ((found with { Address = hint }).Endpoint is { } known && !UniversalAddress.IsEverywhere(known))
            return UniversalAddress.Of(UniversalAddress.Reached(endpoint, known.Host));
        if (call.Peer.Kind.IsInternet() && OwnAddress.Towards(call.Peer) is { } own && own.Contains(':') == endpoint.Host.Contains(':'))
            return UniversalAddress.Of(UniversalAddress.Reached(endpoint, own));
        return NameServiceCaller.Of(call).IsLocal ? UniversalAddress.Of(UniversalAddress.ReachedHere(endpoint)) : found.Address;
    }

    // To a struct netbuf: its maximum length, and the bytes of a socket address.
    private static AcceptStatus UaddrToTaddr(in NameServiceCaller caller, ref XdrReader arguments, XdrWriter results)
    {
        string text = Registration.ReadText(ref arguments);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        byte[] address = UniversalAddress.TryParse(caller.Netid, text, out Endpoint? endpoint)
            ? AddressLookup.Find(endpoint, passive: false)[0]
            : [];
        results.WriteUInt32((uint)address.Length);
        results.WriteOpaque(address);
        return AcceptStatus.Success;
    }

    private static AcceptStatus TaddrToUaddr(in NameServiceCaller caller, ref XdrReader arguments, XdrWriter results)
    {
        arguments.ReadUInt32();
        ReadOnlySpan<byte> address = arguments.ReadOpaque(PeerAddress.MaxLength);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Registration.WriteText(results, UaddrOf(caller.Netid.Kind, address));
        return AcceptStatus.Success;
    }

    private static string UaddrOf(EndpointKind callersKind, ReadOnlySpan<byte> address)
    {
        bool isPath = address.Length >= sizeof(ushort) && AddressLookup.FamilyOf(address) == AF_UNIX;
        EndpointKind kind = isPath ? EndpointKind.Unix : callersKind.IsInternet() ? callersKind : EndpointKind.Tcp;
        try
        {
            return address.Length < sizeof(ushort) ? "" : UniversalAddress.Of(Endpoint.Parse(AddressText.Format(kind, address)));
        }
        catch (FormatException)
        {
            return "";   // of no family that has universal addresses
        }
    }
}

/// <summary>The address by which a peer reaches a machine that has several.</summary>
internal static class OwnAddress
{
    /// <summary>
    /// The host of the address that packets to a peer leave from, as the routing table has it: connect(2) of a datagram socket
    /// asks it, and sends nothing.
    /// </summary>
    /// <returns>A numeric address of the peer's family; null when there is no route.</returns>
    public static string? Towards(in Peer peer) => Towards(peer.Address);

    /// <summary>The same, towards the bytes of a socket address of the Internet.</summary>
    public static string? Towards(ReadOnlySpan<byte> address)
    {
        SyscallResult opened = socket(AddressLookup.FamilyOf(address), SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (opened.IsError)
            return null;
        int fd = (int)opened.Value;
        Span<byte> own = stackalloc byte[PeerAddress.MaxLength];
        SyscallResult length = connect(fd, address);
        if (!length.IsError)
            length = getsockname(fd, own);
        close(fd);
        if (length.IsError)
            return null;

        // An IPv6 socket that serves both families shows IPv4 addresses as ::ffff:a.b.c.d.
        const string Mapped = "::ffff:";
        string host = Endpoint.Parse(AddressText.Format(EndpointKind.Udp, own[..(int)length.Value])).Host;
        return host.StartsWith(Mapped, StringComparison.Ordinal) && host.Contains('.') ? host[Mapped.Length..] : host;
    }
}
