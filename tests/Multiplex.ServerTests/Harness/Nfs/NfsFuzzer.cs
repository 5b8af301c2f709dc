using Multiplex.Nfs.Protocol;
using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>
/// Makes calls of NFS and MOUNT whose structure is right and whose values are wrong: handles that are genuine, cut, changed or invented, names that lead out of the export or
/// are invalid, extreme numbers. The bytes of one call in eight are then corrupted too. The same seed gives the same calls.
/// </summary>
internal sealed class NfsFuzzer(int seed)
{
    private const int MostHandles = 200;

    /// <summary>
    /// Fields of the arguments: h a handle, n a name, p a path, s attributes to set, g a guard, c how to create, k what node, d data, 4 and 8 numbers, v a verifier. What
    /// reads the results returns the handle in them.
    /// </summary>
    private static readonly (NfsV3Procedure Procedure, string Fields, ReadHandle Read)[] s_calls =
    [
        (NfsV3Procedure.Null, "", (ref _) => null),
        (NfsV3Procedure.Getattr, "h", (ref reader) => Nothing(GETATTR3res.Read(ref reader))),
        (NfsV3Procedure.Setattr, "hsg", (ref reader) => Nothing(SETATTR3res.Read(ref reader))),
        (NfsV3Procedure.Lookup, "hn", (ref reader) => LOOKUP3res.Read(ref reader).Resok?.Object.Data),
        (NfsV3Procedure.Access, "h4", (ref reader) => Nothing(ACCESS3res.Read(ref reader))),
        (NfsV3Procedure.Readlink, "h", (ref reader) => Nothing(READLINK3res.Read(ref reader))),
        (NfsV3Procedure.Read, "h84", (ref reader) => Nothing(READ3res.Read(ref reader))),
        (NfsV3Procedure.Write, "h8d", (ref reader) => Nothing(WRITE3res.Read(ref reader))),
        (NfsV3Procedure.Create, "hnc", (ref reader) => CREATE3res.Read(ref reader).Resok?.Obj.Handle?.Data),
        (NfsV3Procedure.Mkdir, "hns", (ref reader) => MKDIR3res.Read(ref reader).Resok?.Obj.Handle?.Data),
        (NfsV3Procedure.Symlink, "hnsp", (ref reader) => SYMLINK3res.Read(ref reader).Resok?.Obj.Handle?.Data),
        (NfsV3Procedure.Mknod, "hnk", (ref reader) => MKNOD3res.Read(ref reader).Resok?.Obj.Handle?.Data),
        (NfsV3Procedure.Remove, "hn", (ref reader) => Nothing(REMOVE3res.Read(ref reader))),
        (NfsV3Procedure.Rmdir, "hn", (ref reader) => Nothing(RMDIR3res.Read(ref reader))),
        (NfsV3Procedure.Rename, "hnhn", (ref reader) => Nothing(RENAME3res.Read(ref reader))),
        (NfsV3Procedure.Link, "hhn", (ref reader) => Nothing(LINK3res.Read(ref reader))),
        (NfsV3Procedure.Readdir, "h8v4", (ref reader) => Nothing(READDIR3res.Read(ref reader))),
        (NfsV3Procedure.Readdirplus, "h8v44", (ref reader) => Nothing(READDIRPLUS3res.Read(ref reader))),
        (NfsV3Procedure.Fsstat, "h", (ref reader) => Nothing(FSSTAT3res.Read(ref reader))),
        (NfsV3Procedure.Fsinfo, "h", (ref reader) => Nothing(FSINFO3res.Read(ref reader))),
        (NfsV3Procedure.Pathconf, "h", (ref reader) => Nothing(PATHCONF3res.Read(ref reader))),
        (NfsV3Procedure.Commit, "h84", (ref reader) => Nothing(COMMIT3res.Read(ref reader))),
    ];

    private static readonly byte[][] s_names =
    [
        ".."u8.ToArray(), "."u8.ToArray(), ""u8.ToArray(), "/"u8.ToArray(), "../canary"u8.ToArray(), "../../etc/passwd"u8.ToArray(), "a/b"u8.ToArray(), "a\0b"u8.ToArray(), "out"u8.ToArray(),
        "up"u8.ToArray(), "root"u8.ToArray(), [0xFF, 0xFE], "\n"u8.ToArray(), [.. Enumerable.Repeat((byte)'n', 255)], [.. Enumerable.Repeat((byte)'n', 256)], [.. Enumerable.Repeat((byte)'n', 5000)],
    ];

    private static readonly ulong[] s_numbers =
    [
        0, 1, 2, 7, 511, 4095, 4096, 65_536, 1 << 20, (1 << 20) + 1, int.MaxValue, uint.MaxValue, 1UL << 32, 5UL << 30, long.MaxValue - 1, long.MaxValue, 1UL << 63, ulong.MaxValue,
    ];

    private readonly Random _random = new(seed);
    private readonly List<byte[]> _handles = [];

    private delegate byte[]? ReadHandle(ref XdrReader reader);

    /// <summary>What replies to NULL, and what else is no structure, have.</summary>
    private static byte[]? Nothing(object results) => results is null ? [] : null;

    /// <summary>The next call.</summary>
    /// <returns>The procedure, its arguments, and what says what is wrong with the results: null when they make sense.</returns>
    public (RpcProcedure Procedure, byte[] Arguments, Func<byte[], string?> Problem) Next()
    {
        if (_random.Next(40) == 0)
            return (new(MountV3.Program, MountV3.Version, (uint)_random.Next(7)), Broken(Written("p")), _ => null);
        (NfsV3Procedure procedure, string fields, ReadHandle read) = s_calls[_random.Next(s_calls.Length)];
        return (NfsV3.Of(procedure), Broken(Written(fields)), Problem);

        string? Problem(byte[] results)
        {
            XdrReader reader = new(results);
            if (read(ref reader) is { Length: > 0 } handle)
                Keep(handle);
            return reader.IsComplete ? null : $"the reply to {procedure} makes no sense: {reader.Failure ?? "there is more of it"}: {Convert.ToHexString(results)}";
        }
    }

    /// <summary>A handle that a reply had.</summary>
    public void Keep(byte[] handle)
    {
        if (_handles.Count < MostHandles)
            _handles.Add(handle);
        else
            _handles[_random.Next(1, MostHandles)] = handle;   // the first is the root's
    }

    private bool OneIn(int count) => _random.Next(count) == 0;

    private ulong Number() => OneIn(3) ? (ulong)_random.Next(100_000) : s_numbers[_random.Next(s_numbers.Length)];

    private byte[] Name() => OneIn(2) ? System.Text.Encoding.ASCII.GetBytes($"f{_random.Next(30)}") : s_names[_random.Next(s_names.Length)];

    private byte[] Handle()
    {
        byte[] handle = [.. _handles[OneIn(4) ? 0 : _random.Next(_handles.Count)]];
        switch (_random.Next(20))
        {
            case 0:
                handle[_random.Next(handle.Length)] ^= (byte)(1 << _random.Next(8));
                return handle;
            case 1:
                return handle[.._random.Next(handle.Length)];
            case 2:
                return [.. handle, .. new byte[_random.Next(1, 80)]];
            case 3:
                _random.NextBytes(handle);
                return handle;
            default:
                return handle;
        }
    }

    private byte[] Broken(byte[] arguments)
    {
        if (!OneIn(8) || arguments.Length == 0)
            return arguments;
        switch (_random.Next(4))
        {
            case 0:
                arguments[_random.Next(arguments.Length)] ^= (byte)(1 << _random.Next(8));
                return arguments;
            case 1:
                return arguments[..(_random.Next(arguments.Length) & ~3)];
            case 2:
                return [.. arguments, .. new byte[4 * _random.Next(1, 20)]];
            default:
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(arguments.AsSpan(_random.Next(arguments.Length / 4) * 4), (uint)Number());
                return arguments;
        }
    }

    private byte[] Written(string fields)
    {
        OutputBuffer output = new();
        foreach (char field in fields)
            Write(new(output), field);
        return output.Written.ToArray();
    }

    private void Write(XdrWriter writer, char field)
    {
        switch (field)
        {
            case 'h':
                writer.WriteOpaque(Handle());
                break;
            case 'n':
                writer.WriteOpaque(Name());
                break;
            case 'p':
                writer.WriteOpaque(OneIn(3) ? "/x"u8 : Name());
                break;
            case '4':
                writer.WriteUInt32((uint)Number());
                break;
            case '8':
                writer.WriteUInt64(Number());
                break;
            case 'v':
                writer.WriteUInt64(OneIn(4) ? Number() : 0);
                break;
            case 'd':
                WriteData(writer);
                break;
            case 's':
                WriteAttributes(writer);
                break;
            case 'g':
                if (WriteChoice(writer))
                    WriteTime(writer);
                break;
            case 'c':
                WriteCreation(writer);
                break;
            default:
                WriteNode(writer);
                break;
        }
    }

    private bool WriteChoice(XdrWriter writer)
    {
        bool isThere = OneIn(2);
        writer.WriteBool(isThere);
        return isThere;
    }

    private void WriteTime(XdrWriter writer)
    {
        writer.WriteUInt32((uint)Number());
        writer.WriteUInt32(OneIn(3) ? (uint)Number() : (uint)_random.Next(1_000_000_000));
    }

    private void WriteData(XdrWriter writer)
    {
        byte[] data = new byte[OneIn(5) ? _random.Next(20_000) : _random.Next(300)];
        writer.WriteUInt32(OneIn(10) ? (uint)Number() : (uint)data.Length);
        writer.WriteUInt32((uint)_random.Next(4));   // how stable; 3 is nothing
        writer.WriteOpaque(data);
    }

    private void WriteAttributes(XdrWriter writer)
    {
        for (int i = 0; i < 3; i++)   // mode, owner, group
        {
            if (WriteChoice(writer))
                writer.WriteUInt32(OneIn(2) ? (uint)_random.Next(0x1000) : (uint)Number());
        }

        if (WriteChoice(writer))
            writer.WriteUInt64(Number());
        for (int i = 0; i < 2; i++)   // time of access, of modification
        {
            uint how = (uint)_random.Next(OneIn(10) ? 9 : 3);
            writer.WriteUInt32(how);
            if (how == 2)
                WriteTime(writer);
        }
    }

    private void WriteCreation(XdrWriter writer)
    {
        uint mode = (uint)_random.Next(OneIn(10) ? 9 : 3);
        writer.WriteUInt32(mode);
        if (mode < 2)
            WriteAttributes(writer);
        else
            writer.WriteUInt64(Number());
    }

    private void WriteNode(XdrWriter writer)
    {
        uint type = (uint)_random.Next(9);
        writer.WriteUInt32(type);
        if (type is 3 or 4 or 6 or 7)
            WriteAttributes(writer);
        if (type is 3 or 4)
            writer.WriteUInt64(Number());
    }
}
