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

    // libtirpc's xdr_netbuf bounds one member by another, which the language cannot say: the class is written by hand.
    private static readonly StructType s_netbuf = new(
        "netbuf",
        default,
        [new(new PrimitiveType(PrimitiveKind.UInt), "maxlen", default), new(new OpaqueType(null, isFixed: false), "buf", default)])
    {
        CSharpName = "Netbuf",
        Namespace = HeadersNamespace,
    };

    // libtirpc's rpc/auth.h, rpc/auth_unix.h, rpc/xdr.h, rpc/pmap_prot.h, rpc/rpcb_prot.h, rpc/rpc_msg.h, and C's limits.h, stdint.h, sys/param.h
    // and netinet/in.h on Linux.
    private static readonly Dictionary<string, decimal> s_numbers = new()
    {
        ["TRUE"] = 1,
        ["FALSE"] = 0,
        ["AUTH_NONE"] = 0,
        ["AUTH_NULL"] = 0,
        ["AUTH_SYS"] = 1,
        ["AUTH_UNIX"] = 1,
        ["AUTH_SHORT"] = 2,
        ["AUTH_DH"] = 3,
        ["AUTH_DES"] = 3,
        ["AUTH_KERB"] = 4,
        ["AUTH_RSA"] = 5,
        ["RPCSEC_GSS"] = 6,
        ["MAX_AUTH_BYTES"] = 400,
        ["MAX_MACHINE_NAME"] = 255,
        ["NGRPS"] = 16,
        ["MAXNETNAMELEN"] = 255,
        ["MAX_NETOBJ_SZ"] = 1024,
        ["HEXKEYBYTES"] = 48,
        ["RPC_MSG_VERSION"] = 2,
        ["PMAPPROG"] = 100000,
        ["PMAPVERS"] = 2,
        ["PMAPPORT"] = 111,
        ["RPCBPROG"] = 100000,
        ["RPCBVERS"] = 3,
        ["RPCBVERS4"] = 4,
        ["IPPROTO_TCP"] = 6,
        ["IPPROTO_UDP"] = 17,
        ["MAXPATHLEN"] = 4096,
        ["PATH_MAX"] = 4096,
        ["MAXNAMLEN"] = 255,
        ["NAME_MAX"] = 255,
        ["MAXHOSTNAMELEN"] = 64,
        ["HOST_NAME_MAX"] = 64,
        ["UNIX_PATH_MAX"] = 108,
        ["NGROUPS_MAX"] = 65536,
        ["CHAR_BIT"] = 8,
        ["INT_MAX"] = int.MaxValue,
        ["INT_MIN"] = int.MinValue,
        ["UINT_MAX"] = uint.MaxValue,
        ["INT8_MAX"] = sbyte.MaxValue,
        ["UINT8_MAX"] = byte.MaxValue,
        ["INT16_MAX"] = short.MaxValue,
        ["UINT16_MAX"] = ushort.MaxValue,
        ["INT32_MAX"] = int.MaxValue,
        ["INT32_MIN"] = int.MinValue,
        ["UINT32_MAX"] = uint.MaxValue,
        ["INT64_MAX"] = long.MaxValue,
        ["INT64_MIN"] = long.MinValue,
        ["UINT64_MAX"] = ulong.MaxValue,
    };

    private static readonly Lazy<Dictionary<string, DefinedType>> s_types = new(TypesOfHeaders);

    /// <summary>Where the types of C's headers stand in C#.</summary>
    public const string HeadersNamespace = "Multiplex.Rpc.Xdr";

    public static bool Contains(string word) => s_reserved.Contains(word);

    /// <summary>The type of that name in C's headers, or null.</summary>
    public static XdrType? TypeInC(string name) =>
        s_primitives.TryGetValue(name, out PrimitiveKind kind) ? new PrimitiveType(kind)
        : name == "netbuf" ? s_netbuf
        : s_types.Value.TryGetValue(name, out DefinedType? type) ? type
        : null;

    /// <summary>The number of that name in C's headers, or null.</summary>
    public static decimal? NumberInC(string name) => s_numbers.TryGetValue(name, out decimal number) ? number : null;

    // Those of headers.x, whose classes are in the library.
    private static Dictionary<string, DefinedType> TypesOfHeaders()
    {
        using StreamReader text = new(typeof(Keywords).Assembly.GetManifestResourceStream("headers.x"));
        Specification headers = new XFile("headers.x", text.ReadToEnd(), HeadersNamespace).Load(_ => null, [])!;
        return headers.Types.ToDictionary(type => type.Name);
    }
}
