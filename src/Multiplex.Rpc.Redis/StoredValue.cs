using System.Globalization;
using StackExchange.Redis;

namespace Multiplex.Rpc.Redis;

/// <summary>The values of a call's key: a claim, "C" or of a transactional procedure "T", the server, a colon and a number; a reply, "R" and its bytes; or "U", unknown.</summary>
internal static class StoredValue
{
    private const char ClaimMark = 'C', TransactionalMark = 'T', ReplyMark = 'R', Separator = ':';

    /// <summary>That it is not known whether the call took effect.</summary>
    public static RedisValue Unknown { get; } = "U";

    /// <summary>A claim, unlike any other.</summary>
    public static RedisValue Claim(string server, long number, bool isTransactional) =>
        string.Create(CultureInfo.InvariantCulture, $"{(isTransactional ? TransactionalMark : ClaimMark)}{server}{Separator}{number:x}");

    /// <summary>The server of a claim.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="isTransactional">Receives whether it is that of a transactional procedure.</param>
    public static string ServerOf(RedisValue claim, out bool isTransactional)
    {
        string text = claim.ToString();
        isTransactional = text[0] == TransactionalMark;
        return text[1..text.IndexOf(Separator)];
    }

    /// <summary>A reply.</summary>
    public static RedisValue Reply(ReadOnlySpan<byte> reply) => (byte[])[(byte)ReplyMark, .. reply];

    /// <summary>Whether a value is a reply.</summary>
    public static bool IsReply(RedisValue value, out ReadOnlyMemory<byte> reply)
    {
        ReadOnlyMemory<byte> bytes = value;
        bool isReply = !bytes.IsEmpty && bytes.Span[0] == ReplyMark;
        reply = isReply ? bytes[1..] : default;
        return isReply;
    }
}
