using System.Text.Json.Serialization;

namespace Multiplex.Fleet.Etcd;

// The messages of etcd's v3 API as its JSON gateway has them: names as in rpc.proto and kv.proto of etcd, bytes in base64, numbers of 64 bits as
// text; what is zero or false is left out.

/// <summary>An answer of etcd.</summary>
internal interface IEtcdAnswer
{
    /// <summary>Whether it has what etcd never leaves out. Another HTTP server may have answered.</summary>
    bool IsWhole { get; }
}

internal sealed record EtcdHeader(long Revision);

internal sealed record EtcdKeyValue(byte[] Key, byte[]? Value, long Lease, long ModRevision = 0)
{
    public static bool IsWhole(EtcdKeyValue? pair) => pair is { Key: not null };
}

internal sealed record RangeRequest(byte[] Key, byte[] RangeEnd);

internal sealed record RangeResponse(EtcdHeader Header, EtcdKeyValue[]? Kvs) : IEtcdAnswer
{
    public bool IsWhole => Header is not null && (Kvs ?? []).All(EtcdKeyValue.IsWhole);
}

internal sealed record PutRequest(byte[] Key, byte[] Value, long Lease);

internal sealed record DeleteRequest(byte[] Key);

// Only the header is of interest.
internal sealed record EtcdResponse(EtcdHeader? Header) : IEtcdAnswer
{
    public bool IsWhole => Header is not null;
}

internal sealed record TxnRequest(Compare[] Compare, RequestOp[] Success);

// LEASE (the lease that a key is under) or VERSION (0: there is no such key), EQUAL to a number.
internal sealed record Compare(string Target, byte[] Key, long? Lease = null, long? Version = null)
{
    public string Result { get; } = "EQUAL";
}

internal sealed record RequestOp(PutRequest? RequestPut = null, DeleteRequest? RequestDeleteRange = null);

internal sealed record LeaseGrantRequest([property: JsonPropertyName("TTL")] long Ttl);

internal sealed record LeaseGrantResponse([property: JsonPropertyName("ID")] long Id, [property: JsonPropertyName("TTL")] long Ttl) : IEtcdAnswer
{
    public bool IsWhole => Id != 0;
}

internal sealed record LeaseRequest([property: JsonPropertyName("ID")] long Id, bool? Keys = null);

// TTL is 0 or less when there is no such lease any more.
internal sealed record LeaseResponse(EtcdHeader Header, [property: JsonPropertyName("TTL")] long Ttl, byte[][]? Keys) : IEtcdAnswer
{
    public bool IsWhole => Header is not null && (Keys ?? []).All(key => key is not null);
}

internal sealed record Streamed<T>(T? Result, EtcdError? Error) : IEtcdAnswer
    where T : class, IEtcdAnswer
{
    public bool IsWhole => Error is not null || Result is { IsWhole: true };
}

internal sealed record EtcdError(string? Message, int Code);

internal sealed record WatchRequest(WatchCreateRequest CreateRequest);

internal sealed record WatchCreateRequest(byte[] Key, byte[] RangeEnd, long StartRevision);

internal sealed record WatchResponse(EtcdHeader Header, bool Canceled, long CompactRevision, EtcdEvent[]? Events) : IEtcdAnswer
{
    public bool IsWhole => Header is not null && (Events ?? []).All(one => EtcdKeyValue.IsWhole(one?.Kv));
}

internal sealed record EtcdEvent(string? Type, EtcdKeyValue Kv)
{
    public bool IsDelete => Type == "DELETE";
}

// What the value of a key of the fleet says beside the key itself.
internal sealed record FleetValue(string? Owner, string? Host, int? Pid = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowReadingFromString | JsonNumberHandling.WriteAsString)]
[JsonSerializable(typeof(RangeRequest))]
[JsonSerializable(typeof(RangeResponse))]
[JsonSerializable(typeof(PutRequest))]
[JsonSerializable(typeof(EtcdResponse))]
[JsonSerializable(typeof(TxnRequest))]
[JsonSerializable(typeof(LeaseGrantRequest))]
[JsonSerializable(typeof(LeaseGrantResponse))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(LeaseResponse))]
[JsonSerializable(typeof(Streamed<LeaseResponse>))]
[JsonSerializable(typeof(WatchRequest))]
[JsonSerializable(typeof(Streamed<WatchResponse>))]
[JsonSerializable(typeof(EtcdError))]
[JsonSerializable(typeof(FleetValue))]
internal sealed partial class EtcdJson : JsonSerializerContext;
