using System.Buffers.Binary;
using System.Text;

namespace Multiplex.ServerTests.Harness;

/// <summary>ONC RPC as bytes, written here a second time so that the tests do not depend on the code that they test.</summary>
internal static class RpcWire
{
    public const uint Program = 0x2000_4543;
    public const uint AuthSys = 1, AuthTls = 7;
    public const uint Null = 0, Echo = 1, Sleep = 2, Burn = 3, Add = 4, Whoami = 5;

    private const uint LastFragment = 0x8000_0000;

    /// <summary>A call message: xid, CALL, RPC version 2, program, version, procedure, AUTH_NONE twice, arguments.</summary>
    public static byte[] Call(uint xid, uint procedure, params byte[] arguments) =>
        [.. UInt(xid), .. UInt(0), .. UInt(2), .. UInt(Program), .. UInt(1), .. UInt(procedure), .. new byte[16], .. arguments];

    /// <summary>A call message with a credential: its flavor and body.</summary>
    public static byte[] CallAs(uint xid, uint procedure, uint flavor, byte[] credential, params byte[] arguments) =>
        [.. Call(xid, procedure)[..24], .. UInt(flavor), .. Opaque(credential), .. new byte[8], .. arguments];

    /// <summary>The body of an AUTH_SYS credential: stamp, machine name, uid, gid, groups.</summary>
    public static byte[] SysCredential(uint stamp, string machine, uint uid = 1000, int groups = 0) =>
        [.. UInt(stamp), .. Opaque(Encoding.ASCII.GetBytes(machine)), .. UInt(uid), .. UInt(100), .. UInt((uint)groups), .. new byte[4 * groups]];

    /// <summary>The reply that grants TLS: SUCCESS, and the verifier AUTH_NONE with eight characters.</summary>
    public static byte[] TlsGranted(uint xid) => [.. UInt(xid), .. UInt(1), .. UInt(0), .. UInt(0), .. Opaque(Encoding.ASCII.GetBytes("STARTTLS")), .. UInt(0)];

    /// <summary>A reply that refuses a call with AUTH_ERROR and this auth_stat.</summary>
    public static byte[] AuthError(uint xid, uint why) => [.. UInt(xid), .. UInt(1), .. UInt(1), .. UInt(1), .. UInt(why)];

    /// <summary>A message as a record of one fragment.</summary>
    public static byte[] Record(byte[] message) => [.. UInt(LastFragment | (uint)message.Length), .. message];

    /// <summary>A message as a record of many fragments.</summary>
    public static byte[] Fragments(byte[] message, int fragmentLength)
    {
        using MemoryStream record = new();
        for (int start = 0; start < message.Length; start += fragmentLength)
        {
            int length = Math.Min(fragmentLength, message.Length - start);
            record.Write(UInt((start + length == message.Length ? LastFragment : 0) | (uint)length));
            record.Write(message, start, length);
        }

        return record.ToArray();
    }

    /// <summary>A call as a record of one fragment.</summary>
    public static byte[] CallRecord(uint xid, uint procedure, params byte[] arguments) => Record(Call(xid, procedure, arguments));

    public static byte[] UInt(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Hyper(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>Variable-length opaque data: its length, the bytes, and zeros up to a multiple of four.</summary>
    public static byte[] Opaque(byte[] bytes) => [.. UInt((uint)bytes.Length), .. bytes, .. new byte[(4 - (bytes.Length % 4)) % 4]];
}
