using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text.Unicode;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Observing;

/// <summary>
/// An access log: a line for each call that was answered or dropped, with its time, client, program, version, procedure, status, bytes on the wire and microseconds.
/// A line allocates nothing, except for a call of an async procedure.
/// </summary>
/// <param name="write">Takes a line with its newline, in UTF-8, on the thread that made the reply: it must not block. It must copy the bytes that it keeps.</param>
/// <param name="isJson">Whether a line is an object of JSON. If not, its fields are separated by spaces.</param>
/// <param name="sample">The log has one line for this many calls of a thread.</param>
public sealed class CallLog(Action<ReadOnlySpan<byte>> write, bool isJson = false, int sample = 1)
{
    private const int LongestLine = 1024, LongestPeer = 256;
    private const int ReplyStatusAt = 8, AcceptedLengthAt = 16, RejectStatusAt = 12;   // in a reply: RFC 5531 section 9

    [ThreadStatic]
    private static int t_calls;

    /// <summary>Writes the line of a call, if it is in the sample.</summary>
    /// <param name="message">The call, from its xid on.</param>
    /// <param name="procedure">The procedure's names; null: the server does not have it.</param>
    /// <param name="peer">The client.</param>
    /// <param name="received">The length of the call on the wire, in bytes.</param>
    /// <param name="reply">The reply; empty, or the header of a record alone: there is none.</param>
    /// <param name="header">How many bytes of the reply are before its xid.</param>
    /// <param name="ticks">The duration, in ticks of <see cref="Stopwatch"/>.</param>
    internal void Write(ReadOnlySpan<byte> message, ProcedureName? procedure, in Peer peer, int received, ReadOnlySpan<byte> reply, int header, long ticks)
    {
        if (!IsInSample())
            return;
        Span<byte> client = stackalloc byte[LongestPeer];
        WriteLine(message, procedure, client[..Format(peer, client)], received, reply, header, ticks);
    }

    /// <summary>Writes the line of a call that was answered by another thread than the one that received it.</summary>
    /// <inheritdoc cref="Write"/>
    internal void WriteLate(ProcedureName? procedure, LoggedCall call, ReadOnlySpan<byte> reply, int header, long ticks)
    {
        if (IsInSample())
            WriteLine(default, procedure, call.Client, call.Received, reply, header, ticks);
    }

    /// <summary>The text of a client.</summary>
    internal static byte[] ClientOf(in Peer peer)
    {
        Span<byte> client = stackalloc byte[LongestPeer];
        return client[..Format(peer, client)].ToArray();
    }

    private bool IsInSample() => sample == 1 || ++t_calls % sample == 0;

    // The client chooses the path of a UNIX socket: it must not end the line or the field.
    private static int Format(in Peer peer, Span<byte> client)
    {
        int length = peer.Format(client);
        foreach (ref byte one in client[..length])
        {
            if (one is <= (byte)' ' or (byte)'"' or (byte)'\\' or 0x7F)
                one = (byte)'?';
        }

        return length;
    }

    private void WriteLine(ReadOnlySpan<byte> message, ProcedureName? procedure, ReadOnlySpan<byte> client, int received, ReadOnlySpan<byte> reply, int header, long ticks)
    {
        int sent = reply.Length > header ? reply.Length : 0;
        ReadOnlySpan<char> status = StatusOf(sent > 0 ? reply[header..] : default);
        DateTime now = DateTime.UtcNow;
        long microseconds = ticks * 1_000_000 / Stopwatch.Frequency;
        CultureInfo plain = CultureInfo.InvariantCulture;
        Span<byte> line = stackalloc byte[LongestLine];
        int length;
        if (isJson)
        {
            Utf8.TryWrite(line, plain, $"{{\"time\":\"{now:O}\",\"peer\":\"", out length);
            Append(client, line, ref length);
            Utf8.TryWrite(line[length..], plain, $"\",\"program\":\"", out int more);
            length += more;
            AppendNames(message, procedure, "\",\"version\":", ",\"procedure\":\"", line, ref length);
            Utf8.TryWrite(line[length..], plain, $"\",\"status\":\"{status}\",\"received\":{received},\"sent\":{sent},\"us\":{microseconds}}}\n", out more);
            length += more;
        }
        else
        {
            Utf8.TryWrite(line, plain, $"{now:O} ", out length);
            Append(client, line, ref length);
            line[length++] = (byte)' ';
            AppendNames(message, procedure, "/", "/", line, ref length);
            Utf8.TryWrite(line[length..], plain, $" {status} {received} {sent} {microseconds}\n", out int more);
            length += more;
        }

        write(line[..length]);
    }

    private static void Append(ReadOnlySpan<byte> bytes, Span<byte> line, ref int length)
    {
        bytes.CopyTo(line[length..]);
        length += bytes.Length;
    }

    // A procedure that the server does not have is written by its numbers.
    private static void AppendNames(ReadOnlySpan<byte> message, ProcedureName? procedure, ReadOnlySpan<char> beforeVersion, ReadOnlySpan<char> beforeProcedure, Span<byte> line, ref int length)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        int more = 0;
        if (procedure is { } known)
        {
            Utf8.TryWrite(line[length..], plain, $"{known.Program}{beforeVersion}{known.Version}{beforeProcedure}{known.Procedure}", out more);
        }
        else if (message.Length >= CallHeader.ProcedureEnd)
        {
            uint program = BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.ProgramOffset..]), version = BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.VersionOffset..]);
            uint number = BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.ProcedureOffset..]);
            Utf8.TryWrite(line[length..], plain, $"0x{program:x8}{beforeVersion}{version}{beforeProcedure}{number}", out more);
        }
        else
        {
            Utf8.TryWrite(line[length..], plain, $"?{beforeVersion}0{beforeProcedure}?", out more);
        }

        length += more;
    }

    // The status of a reply, as the RFC names it.
    private static string StatusOf(ReadOnlySpan<byte> reply)
    {
        if (reply.Length < AcceptedLengthAt)
            return "NONE";
        if (BinaryPrimitives.ReadUInt32BigEndian(reply[ReplyStatusAt..]) != 0)
            return BinaryPrimitives.ReadUInt32BigEndian(reply[RejectStatusAt..]) == 0 ? "RPC_MISMATCH" : "AUTH_ERROR";
        int at = AcceptedLengthAt + sizeof(uint) + (int)BinaryPrimitives.ReadUInt32BigEndian(reply[AcceptedLengthAt..]);
        return ServerTelemetry.NameOf((AcceptStatus)BinaryPrimitives.ReadUInt32BigEndian(reply[at..]));
    }
}
