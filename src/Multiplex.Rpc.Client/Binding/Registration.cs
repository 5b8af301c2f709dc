using System.Text;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>Where one version of a program is served over one transport: struct rpcb of RFC 1833 section 2.1.</summary>
/// <param name="Program">The program's number.</param>
/// <param name="Version">The program's version.</param>
/// <param name="Netid">The transport; see <see cref="Binding.Netid"/>. Other programs may register netids that are not listed there.</param>
/// <param name="Address">The universal address; see <see cref="UniversalAddress"/>.</param>
/// <param name="Owner">Its owner, such as "superuser" or a user's number; empty when that is not known.</param>
public sealed record Registration(uint Program, uint Version, string Netid, string Address, string Owner)
{
    /// <summary>The longest text that is accepted from a name service or a caller, in bytes: room for a UNIX-domain path.</summary>
    public const int MaxText = 255;

    /// <summary>Stands in the owner of a server of another machine, USER@HOST, and in no owner of this one.</summary>
    internal const char ElsewhereMark = '@';

    /// <summary>The address as an endpoint; null if the netid is unknown, or the address is invalid.</summary>
    public Endpoint? Endpoint =>
        Binding.Netid.Find(Netid) is { } netid && UniversalAddress.TryParse(netid, Address, out Endpoint? endpoint) ? endpoint : null;

    /// <summary>Whether a name service lists it for another machine of its fleet.</summary>
    internal bool IsElsewhere => Owner.Contains(ElsewhereMark);

    /// <summary>The port for portmap version 2; 0 when that cannot express the address.</summary>
    public uint PortmapPort => Binding.Netid.Find(Netid) is { PortmapProtocol: > 0 } && Endpoint is { } endpoint ? uint.Parse(endpoint.Port) : 0;

    /// <summary>Reads a struct rpcb.</summary>
    public static Registration Read(ref XdrReader reader) =>
        new(reader.ReadUInt32(), reader.ReadUInt32(), ReadText(ref reader), ReadText(ref reader), ReadText(ref reader));

    /// <summary>Writes a struct rpcb.</summary>
    public void Write(XdrWriter writer)
    {
        writer.WriteUInt32(Program);
        writer.WriteUInt32(Version);
        WriteText(writer, Netid);
        WriteText(writer, Address);
        WriteText(writer, Owner);
    }

    /// <summary>Reads a string of the name service's protocol.</summary>
    internal static string ReadText(ref XdrReader reader) => Encoding.UTF8.GetString(reader.ReadOpaque(MaxText));

    /// <summary>Writes a string.</summary>
    internal static void WriteText(XdrWriter writer, string text) => writer.WriteOpaque(Encoding.UTF8.GetBytes(text));
}
