using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>A remote procedure, as a call names it: RFC 5531 section 9, call_body.</summary>
/// <param name="Program">The program's number.</param>
/// <param name="Version">The program's version.</param>
/// <param name="Number">The procedure's number within that version.</param>
/// <param name="IsIdempotent">Whether to run it twice does no more than to run it once; a client may then repeat it freely.</param>
public readonly record struct RpcProcedure(uint Program, uint Version, uint Number, bool IsIdempotent = true)
{
    /// <summary>Its name, for messages; null when it is not known.</summary>
    public string? Name { get; init; }

    /// <summary>Its name, or its numbers.</summary>
    public override string ToString() => Name ?? $"procedure {Number} of program {Program} version {Version}";
}

/// <summary>The marshalling half of a client stub: writes a call's arguments.</summary>
public delegate void XdrMarshal<in T>(XdrWriter writer, T value)
    where T : allows ref struct;

/// <summary>The unmarshalling half of a client stub: reads a reply's results, all of them; what cannot be read fails the reader.</summary>
public delegate T XdrUnmarshal<out T>(ref XdrReader reader);
