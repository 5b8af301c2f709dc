using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Check.Calls;

/// <summary>A reply as it came.</summary>
/// <param name="Xid">The transaction that it names.</param>
/// <param name="Failure">Why there are no results; null when the call succeeded.</param>
/// <param name="Bytes">The message.</param>
internal sealed record Reply(uint Xid, RpcException? Failure, byte[] Bytes)
{
    /// <summary>Reads it.</summary>
    /// <exception cref="ServerFaultException">It is no reply message.</exception>
    public static Reply Of(ReadOnlySpan<byte> message, CheckClient client)
    {
        XdrReader reader = new(message);
        return ReplyHeader.TryRead(ref reader, out ReplyHeader header)
            ? new(header.Xid, header.Failure, message.ToArray())
            : throw client.Fault($"{message.Length:N0} bytes came that are no reply message");
    }

    /// <summary>Its status, for messages.</summary>
    public string Says => Failure is null ? "SUCCESS" : Failure.Message;

    /// <summary>It must say SUCCESS.</summary>
    /// <exception cref="ServerFaultException">It does not.</exception>
    public void AssertSuccess(CheckClient client)
    {
        if (Failure is not null)
            throw client.Fault($"the call was answered with {Says}");
    }
}
