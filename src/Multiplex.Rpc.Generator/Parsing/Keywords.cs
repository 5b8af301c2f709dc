using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>Names that have a meaning without being defined: RFC 4506 section 6.2, and what C's headers give to rpcgen.</summary>
internal static class Keywords
{
    private static readonly HashSet<string> s_reserved =
    [
        "bool", "case", "char", "const", "default", "double", "quadruple", "enum", "float", "hyper", "int", "long", "opaque", "program",
        "short", "string", "struct", "switch", "typedef", "union", "unsigned", "version", "void",
    ];

    private static readonly Dictionary<string, PrimitiveKind> s_primitives = new()
    {
        ["int8_t"] = PrimitiveKind.Char,
        ["uint8_t"] = PrimitiveKind.UChar,
        ["u_int8_t"] = PrimitiveKind.UChar,
        ["u_char"] = PrimitiveKind.UChar,
        ["int16_t"] = PrimitiveKind.Short,
        ["uint16_t"] = PrimitiveKind.UShort,
        ["u_int16_t"] = PrimitiveKind.UShort,
        ["u_short"] = PrimitiveKind.UShort,
        ["int32_t"] = PrimitiveKind.Int,
        ["uint32_t"] = PrimitiveKind.UInt,
        ["u_int32_t"] = PrimitiveKind.UInt,
        ["u_int"] = PrimitiveKind.UInt,
        ["u_long"] = PrimitiveKind.UInt,
        ["int64_t"] = PrimitiveKind.Hyper,
        ["quad_t"] = PrimitiveKind.Hyper,
        ["longlong_t"] = PrimitiveKind.Hyper,
        ["uint64_t"] = PrimitiveKind.UHyper,
        ["u_int64_t"] = PrimitiveKind.UHyper,
        ["u_quad_t"] = PrimitiveKind.UHyper,
        ["u_longlong_t"] = PrimitiveKind.UHyper,
        ["u_hyper"] = PrimitiveKind.UHyper,
        ["bool_t"] = PrimitiveKind.Bool,
        ["rpcprog_t"] = PrimitiveKind.UInt,
        ["rpcvers_t"] = PrimitiveKind.UInt,
        ["rpcproc_t"] = PrimitiveKind.UInt,
        ["rpcprot_t"] = PrimitiveKind.UInt,
        ["rpcport_t"] = PrimitiveKind.UInt,
    };

    private static readonly Position s_builtIn = new("rpc/xdr.h", 1, 1);

    // libtirpc's rpc/xdr.h, rpc/des_crypt.h and rpc/types.h
    private static readonly Dictionary<string, DefinedType> s_types = new()
    {
        ["netobj"] = new TypedefType("netobj", s_builtIn, new OpaqueType(Number(1024), isFixed: false)),
        ["des_block"] = new TypedefType("des_block", s_builtIn, new OpaqueType(Number(8), isFixed: true)),
        ["netbuf"] = new StructType(
            "netbuf",
            s_builtIn,
            [
                new(new PrimitiveType(PrimitiveKind.UInt), "maxlen", s_builtIn),
                new(new OpaqueType(null, isFixed: false), "buf", s_builtIn),
            ])
        { CSharpName = "Netbuf", Namespace = "Multiplex.Rpc.Xdr" },
    };

    private static readonly Dictionary<string, long> s_numbers = new()
    {
        ["TRUE"] = 1,
        ["FALSE"] = 0,
        ["MAXNETNAMELEN"] = 255,
        ["MAX_NETOBJ_SZ"] = 1024,
    };

    public static bool Contains(string word) => s_reserved.Contains(word);

    /// <summary>The type of that name in C's headers, or null.</summary>
    public static XdrType? TypeInC(string name) =>
        s_primitives.TryGetValue(name, out PrimitiveKind kind) ? new PrimitiveType(kind)
        : s_types.TryGetValue(name, out DefinedType? type) ? type
        : null;

    /// <summary>The number of that name in C's headers, or null.</summary>
    public static long? NumberInC(string name) => s_numbers.TryGetValue(name, out long number) ? number : null;

    private static Constant Number(long value) => new(value.ToString(System.Globalization.CultureInfo.InvariantCulture), s_builtIn, value);
}
