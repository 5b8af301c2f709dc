using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Binding;

/// <summary>Version 2 of the name service, portmap, RFC 1833 section 3: ports of TCP and UDP over IPv4, and nothing else.</summary>
internal sealed class PortmapProgram(NameService service) : IRpcProgram
{
    public uint Number => NameService.Program;

    public uint Version => NameService.PortmapVersion;

    // Procedures that call another server are not quick. Procedures that only rpcbind has are counted too, and refused.
    public IReadOnlyList<ProcedureEntry> Procedures =>
    [
        .. Enum.GetValues<RpcbindProcedure>().Select(one => new ProcedureEntry((uint)one, Call)
        {
            IsIdempotent = true,
            IsQuick = one != RpcbindProcedure.CallIt,
        }),
    ];

    private AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        service.Statistics.Count(call);
        switch ((PortmapProcedure)call.Procedure)
        {
            case PortmapProcedure.Null when arguments.IsComplete:
                return AcceptStatus.Success;
            case PortmapProcedure.Dump when arguments.IsComplete:
                Dump(results);
                return AcceptStatus.Success;
            case PortmapProcedure.Null or PortmapProcedure.Dump:
                return AcceptStatus.GarbageArguments;
            case PortmapProcedure.Set or PortmapProcedure.Unset or PortmapProcedure.GetPort:
                PortmapMapping mapping = PortmapMapping.Read(ref arguments);
                if (!arguments.IsComplete)
                    return AcceptStatus.GarbageArguments;
                results.WriteUInt32(Answer(call, mapping));
                return AcceptStatus.Success;
            case PortmapProcedure.CallIt when service.Indirect is { } calls:
                AcceptStatus status = calls.Call(ref arguments, out Registration? server, out byte[] answer);
                if (status == AcceptStatus.Success)
                {
                    results.WriteUInt32(server!.PortmapPort);
                    results.WriteOpaque(answer);
                }

                return status;
            default:
                return AcceptStatus.ProcedureUnavailable;
        }
    }

    private uint Answer(in RpcCall call, PortmapMapping mapping) => (PortmapProcedure)call.Procedure switch
    {
        PortmapProcedure.Set => mapping.ToRegistration() is { } registration
            && service.Set(call, registration) ? 1u : 0u,
        PortmapProcedure.Unset => service.Unset(
            call, mapping.Program, mapping.Version, [Netid.Tcp, Netid.Udp]) ? 1u : 0u,
        _ => Netid.OfPortmap(mapping.Protocol) is { } netid
            ? service.Table.FindAnyVersion(mapping.Program, mapping.Version, netid.Name)?.PortmapPort ?? 0
            : 0,
    };

    private void Dump(XdrWriter results)
    {
        foreach (Registration registration in service.Table.All)
        {
            if (PortmapMapping.Of(registration) is not { } mapping)
                continue;
            results.WriteBool(true);
            mapping.Write(results);
        }

        results.WriteBool(false);
    }
}
