using System.Buffers.Binary;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>The results of READ. Status, attributes, count and eof come before the data, and are known only after the data are read.</summary>
internal static class ReadReply
{
    /// <summary>Bytes before the data.</summary>
    public const int Head = sizeof(uint) + NfsReply.PostOpLength + (3 * sizeof(uint));

    /// <summary>Appends room for so many bytes of data, and for the fields around them.</summary>
    /// <returns>Where to read the data to.</returns>
    public static Span<byte> Begin(OutputBuffer reply, int count) => reply.Append(Head + count + XdrReader.Padding(count)).Slice(Head, count);

    /// <summary>Completes the results once the data are read.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="start">Where the results begin in it.</param>
    /// <param name="length">How many bytes were read: at most as many as there is room for.</param>
    /// <param name="attributes">The file's.</param>
    /// <param name="offset">Their offset in the file.</param>
    /// <param name="export">The export of the file.</param>
    public static void End(OutputBuffer reply, int start, int length, in statx_t attributes, ulong offset, ExportedDirectory export)
    {
        int padding = XdrReader.Padding(length);
        reply.Truncate(start + Head + length + padding);
        Span<byte> room = reply.Rewrite(start, reply.Length - start);
        BinaryPrimitives.WriteUInt32BigEndian(room, (uint)Nfsstat3.Nfs3Ok);
        BinaryPrimitives.WriteUInt32BigEndian(room[4..], 1);
        NfsReply.Attributes(room[8..], attributes, export);
        Span<byte> tail = room[(sizeof(uint) + NfsReply.PostOpLength)..];
        BinaryPrimitives.WriteUInt32BigEndian(tail, (uint)length);
        BinaryPrimitives.WriteUInt32BigEndian(tail[4..], offset + (ulong)length >= attributes.stx_size ? 1u : 0);
        BinaryPrimitives.WriteUInt32BigEndian(tail[8..], (uint)length);
        room[^padding..].Clear();
    }
}
