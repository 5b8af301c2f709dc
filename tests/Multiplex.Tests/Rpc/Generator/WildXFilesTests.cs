using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>
/// Files in the style of well-known ones, each with constructs that once failed: they compile without a warning, and values come back as
/// the same bytes.
/// </summary>
public class WildXFilesTests
{
    // libvirt: lengths and union cases from C headers, optional strings by two typedefs, hundreds of numbered values.
    private const string Machines = """
        %#include <machine/machine.h>
        %#include "internal.h"
        const STRING_MAX = 4194304;
        typedef string nonnull_string<STRING_MAX>;
        typedef nonnull_string *maybe_string;
        typedef opaque uuid[UUID_BUFLEN];
        union typed_value switch (int type) {
         case PARAM_INT:
             int i;
         case PARAM_ULLONG:
             unsigned hyper ul;
         case PARAM_BOOLEAN:
             int b;
         case PARAM_STRING:
             nonnull_string s;
        };
        struct typed_param {
            nonnull_string field;
            typed_value value;
        };
        struct list_ret { /* insert@1 */
            typed_param params<LIST_MAX>;
            maybe_string label;
            uuid id;
            unsigned char flags;
            unsigned type;
        };
        enum procedure {
            /**
             * @generate: none
             */
            PROC_OPEN = 1,

            PROC_CLOSE = 2
        };
        """;

    // Stellar: namespace, // comments, types defined where they are used several levels deep, optional members of typedefs, a type in itself.
    private const string Ledger = """
        // Copyright: it's 'free' /* and this opens no comment
        %#include "xdr/Chain-types.h"

        namespace chain
        {
        typedef opaque Hash[32];
        typedef unsigned hyper uint64;
        typedef Hash* Sponsor;
        enum EntryType { ACCOUNT = 0, DATA = 1 };
        struct Account
        {
            Hash id; // the account's
            Sponsor sponsors<3>;
            uint64* balance;
            union switch (int v)
            {
            case 0:
                void;
            case 1:
                struct
                {
                    uint64 selling;
                    union switch (int v)
                    {
                    case 0:
                        void;
                    }
                    ext;
                } v1;
            }
            ext;
        };
        struct Entry
        {
            union switch (EntryType type)
            {
            case ACCOUNT:
                Account account;
            case DATA:
                struct { string name<64>; opaque value<>; } data;
            }
            data;
            union switch (int v) { case 0: void; } ext;
        };
        typedef Entry Entries<>;
        union Val switch (EntryType type) { case ACCOUNT: Vec *vec; case DATA: Entries entries; };
        typedef Val Vec<>;
        }
        """;

    // NFSv4: limits of 64 bits, flavors of rpc/auth.h, arrays of unions, a callback program beside the program, results that are newer.
    private const string Files = """
        #define OTHER_SIDE 1
        %#include <rpc/auth_sys.h>
        const MAXFILELEN = 0xffffffffffffffff;
        const MAXFILEOFF = 0xfffffffffffffffe;
        const OTHER_SIZE = 12;
        typedef uint32_t bitmap<>;
        typedef opaque utf8str<>;
        enum stat4 { OK4 = 0, PERM4 = 1, XDEV4 = 18 };
        struct change_info { bool atomic; uint64_t before; uint64_t after; };
        union flavor_data switch (unsigned int flavor) { case RPCSEC_GSS: utf8str oid; case AUTH_SYS: authsys_parms sys; default: void; };
        struct READ4args { uint64_t offset; uint32_t count; };
        union READ4res switch (stat4 status) { case OK4: opaque data<>; default: void; };
        enum opnum { OP_READ = 25, OP_ILLEGAL = 10044 };
        union argop switch (opnum argop) { case OP_READ: READ4args opread; case OP_ILLEGAL: void; };
        union resop switch (opnum resop) { case OP_READ: READ4res opread; case OP_ILLEGAL: stat4 opillegal; };
        struct COMPOUND4args { utf8str tag; argop argarray<>; };
        struct COMPOUND4res { stat4 status; utf8str tag; resop resarray<>; flavor_data flavors<>; change_info cinfo; bitmap attrs; opaque other[OTHER_SIZE]; };
        #if OTHER_SIDE
        program FILES4 { version FILES_V4 { void NULL4(void) = 0; COMPOUND4res COMPOUND(COMPOUND4args) = 1; } = 4; } = 100003;
        program FILES4_CALLBACK { version FILES_CB { void CB_NULL() = 0; COMPOUND4res CB_COMPOUND(COMPOUND4args) = 1; } = 1; } = 0x40000000;
        #endif
        """;

    // glusterfs, ganesha, Linux: pragmas, old names of types, conditionals around lines for C, repeated definitions.
    private const string Bricks = """
        pragma header bricks;
        #ifdef RPC_XDR
        %#include "rpc-pragmas.h"
        #endif
        %/* a comment
        % * of C's, isn't it */
        #define MAXGROUPS (16)
        typedef opaque fh<FHSIZE>;
        typedef opaque fh<FHSIZE>;
        const FHSIZE = 64;
        const FHSIZE = 64;
        enum kinds { NONE, STRIPE, REPLICATE = 0x80000000, };
        pragma big_endian kinds;
        struct statfs { unsigned hyper bsize; u_quad_t blocks; quad_t files; u_int mode; bool_t ok; long l; u_long ul; kinds kind; };
        struct groups { unsigned int list<MAXGROUPS>; opaque gfid[16]; string path<>; struct statfs stat; groups *next; };
        struct dirent { fh handle; int version; int program; struct dirent *nextentry; };
        struct rsp { int op_ret; struct dirent *reply; opaque xdata<>; };
        """;

    [TestCase(Machines, "UUID_BUFLEN=16;PARAM_INT=1;PARAM_ULLONG=4;PARAM_BOOLEAN=6;PARAM_STRING=7;LIST_MAX=1024")]
    [TestCase(Ledger, "")]
    [TestCase(Files, "")]
    [TestCase(Bricks, "")]
    public void They_compile_as_they_are(string text, string defines)
    {
        Codecs codecs = Codecs.Of(new("/wild.x", text, "Wild", Defines: defines), [], out CompositeType[] types);
        Random random = new(20261125);
        foreach (CompositeType type in types)
        {
            for (int i = 0; i < 50; i++)
            {
                byte[] value = RandomXdr.Value(type, random);
                Assert.That(codecs.Recode(type, value), Is.EqualTo(value), type.Name);
            }
        }
    }
}
