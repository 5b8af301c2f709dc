using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Binding;

/// <summary>The procedures of portmap, RFC 1833 section 3.2.</summary>
internal enum PortmapProcedure : uint
{
    Null = 0,
    Set = 1,
    Unset = 2,
    GetPort = 3,
    Dump = 4,
    CallIt = 5,
}

/// <summary>struct mapping of RFC 1833 section 3.1.</summary>
internal readonly record struct PortmapMapping(uint Program, uint Version, uint Protocol, uint Port)
{
    /// <summary>The part of a registration that portmap has; null when it is over another transport.</summary>
    public static PortmapMapping? Of(Registration registration) => registration.PortmapPort is > 0 and uint port
        ? new(registration.Program, registration.Version, Netid.Find(registration.Netid)!.PortmapProtocol, port)
        : null;

    /// <summary>The same as a registration: on every interface; null when protocol or port is none.</summary>
    public Registration? ToRegistration() => Netid.OfPortmap(Protocol) is { } netid && Port is > 0 and <= ushort.MaxValue
        ? new(Program, Version, netid.Name, UniversalAddress.Of(new(netid.Kind, UniversalAddress.AnyIPv4, $"{Port}", "")), "")
        : null;

    public static PortmapMapping Read(ref XdrReader reader) =>
        new(reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadUInt32());

    public void Write(XdrWriter writer)
    {
        writer.WriteUInt32(Program);
        writer.WriteUInt32(Version);
        writer.WriteUInt32(Protocol);
        writer.WriteUInt32(Port);
    }
}
