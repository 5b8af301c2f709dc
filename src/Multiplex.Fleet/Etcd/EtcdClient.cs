using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Multiplex.Fleet.Etcd;

/// <summary>etcd refused a request, or no member answered.</summary>
internal sealed class EtcdException(string message, int code = 0, Exception? inner = null) : IOException(message, inner)
{
    private const int NotFound = 5;   // google.rpc.Code

    /// <summary>Whether it did not answer in time. It may be slow.</summary>
    public bool IsSilence { get; init; }

    /// <summary>Whether the lease of the request has ended.</summary>
    public bool IsLeaseGone { get; } = code == NotFound;
}

/// <summary>
/// Calls etcd over its JSON gateway: HTTP POST of one JSON object. If a member does not answer, or has no leader, the next one is asked. Safe for several
/// threads.
/// </summary>
/// <param name="address">Its members.</param>
internal sealed class EtcdClient(EtcdAddress address) : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(3);   // of one member

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), UseProxy = false, UseCookies = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,   // a watch does not end
    };

    private int _member;

    /// <summary>Its members, for messages.</summary>
    public EtcdAddress Address { get; } = address;

    /// <summary>Lists the keys with a prefix: a linearizable read, which needs a majority of the members.</summary>
    public Task<RangeResponse> RangeAsync(byte[] prefix, CancellationToken cancellation) =>
        PostAsync("kv/range", new(prefix, EndOf(prefix)), EtcdJson.Default.RangeRequest, EtcdJson.Default.RangeResponse, cancellation);

    /// <summary>Writes a key.</summary>
    public Task PutAsync(PutRequest request, CancellationToken cancellation) =>
        PostAsync("kv/put", request, EtcdJson.Default.PutRequest, EtcdJson.Default.EtcdResponse, cancellation);

    /// <summary>Executes a transaction.</summary>
    public Task TxnAsync(TxnRequest request, CancellationToken cancellation) =>
        PostAsync("kv/txn", request, EtcdJson.Default.TxnRequest, EtcdJson.Default.EtcdResponse, cancellation);

    /// <summary>Gets a lease.</summary>
    public Task<LeaseGrantResponse> GrantAsync(TimeSpan ttl, CancellationToken cancellation) => PostAsync(
        "lease/grant", new((long)Math.Ceiling(ttl.TotalSeconds)), EtcdJson.Default.LeaseGrantRequest, EtcdJson.Default.LeaseGrantResponse, cancellation);

    /// <summary>Extends a lease.</summary>
    /// <returns>Whether there is still such a lease.</returns>
    public async Task<bool> KeepAliveAsync(long lease, CancellationToken cancellation)
    {
        Streamed<LeaseResponse> answer = await PostAsync(
            "lease/keepalive", new(lease), EtcdJson.Default.LeaseRequest, EtcdJson.Default.StreamedLeaseResponse, cancellation).ConfigureAwait(false);
        return answer.Error is { } error ? throw new EtcdException($"etcd: {error.Message}", error.Code) : answer.Result is { Ttl: > 0 };
    }

    /// <summary>The keys that are under a lease.</summary>
    public async Task<byte[][]> KeysAsync(long lease, CancellationToken cancellation) => (await PostAsync(
        "lease/timetolive", new(lease, Keys: true), EtcdJson.Default.LeaseRequest, EtcdJson.Default.LeaseResponse, cancellation).ConfigureAwait(false)).Keys ?? [];

    /// <summary>Ends a lease: its keys are deleted.</summary>
    public Task RevokeAsync(long lease, CancellationToken cancellation) =>
        PostAsync("lease/revoke", new(lease), EtcdJson.Default.LeaseRequest, EtcdJson.Default.EtcdResponse, cancellation);

    /// <summary>The changes of the keys with a prefix, from a revision on, as they come. It ends when the member ends it, or has no leader.</summary>
    /// <param name="prefix">The prefix.</param>
    /// <param name="revision">The first revision of interest.</param>
    /// <param name="cancellation">Ends it.</param>
    public async IAsyncEnumerable<WatchResponse> WatchAsync(
        byte[] prefix, long revision, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        using HttpResponseMessage response = await SendAsync(
            "watch", new(new(prefix, EndOf(prefix), revision)), EtcdJson.Default.WatchRequest, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        while (await lines.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            if (line.Length == 0)
                continue;
            Streamed<WatchResponse> message = Read(Encoding.UTF8.GetBytes(line), EtcdJson.Default.StreamedWatchResponse);
            yield return message.Result ?? throw new EtcdException($"etcd ended the watch: {message.Error?.Message}");
        }
    }

    public void Dispose() => _http.Dispose();

    // The first key after all that begin with the prefix, which ends with a byte below 0xFF.
    private static byte[] EndOf(byte[] prefix) => [.. prefix[..^1], (byte)(prefix[^1] + 1)];

    private async Task<TResponse> PostAsync<TRequest, TResponse>(
        string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TResponse> responseType, CancellationToken cancellation)
        where TResponse : class, IEtcdAnswer
    {
        using HttpResponseMessage response = await SendAsync(path, request, requestType, HttpCompletionOption.ResponseContentRead, cancellation).ConfigureAwait(false);
        return Read(await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), responseType);
    }

    // Asks each member once, beginning with the one that answered last.
    private async Task<HttpResponseMessage> SendAsync<TRequest>(
        string path, TRequest request, JsonTypeInfo<TRequest> type, HttpCompletionOption completion, CancellationToken cancellation)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(request, type);
        EtcdException? failure = null;
        for (int i = 0; i < Address.Members.Count; i++)
        {
            int member = Volatile.Read(ref _member);
            Uri server = Address.Members[member % Address.Members.Count];
            try
            {
                return await SendToAsync(server, path, body, completion, cancellation).ConfigureAwait(false);
            }
            catch (EtcdException e) when (!e.IsLeaseGone)
            {
                failure = failure is null || (e.IsSilence && !failure.IsSilence) ? e : failure;
                Interlocked.CompareExchange(ref _member, member + 1 & int.MaxValue, member);
            }
        }

        throw failure!;
    }

    private async Task<HttpResponseMessage> SendToAsync(Uri server, string path, byte[] body, HttpCompletionOption completion, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri(server, $"/v3/{path}")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Grpc-Metadata-hasleader", "true");   // a member that is cut off from the majority refuses, instead of sending nothing
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_timeout);
        try
        {
            HttpResponseMessage response = await _http.SendAsync(request, completion, limit.Token).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.OK)
                return response;
            using (response)
            {
                byte[] text = await response.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false);   // not as a string, which fails if the content type names an unknown charset
                EtcdError? error = text is [(byte)'{', ..] ? JsonSerializer.Deserialize(text, EtcdJson.Default.EtcdError) : null;
                throw new EtcdException($"etcd at {server.Authority}: {error?.Message ?? $"HTTP status {(int)response.StatusCode}"}", error?.Code ?? 0);
            }
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new EtcdException($"etcd at {server.Authority} does not answer within {s_timeout.TotalSeconds:0} s", inner: e) { IsSilence = true };
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or IOException and not EtcdException)
        {
            throw new EtcdException($"etcd at {server.Authority}: {e.GetBaseException().Message}", inner: e);
        }
    }

    private T Read<T>(byte[] text, JsonTypeInfo<T> type)
        where T : class, IEtcdAnswer
    {
        Exception? inner = null;
        try
        {
            if (JsonSerializer.Deserialize(text, type) is { IsWhole: true } answer)
                return answer;
        }
        catch (JsonException e)
        {
            inner = e;
        }

        throw new EtcdException($"etcd at {Address}: what answers is no etcd, or has another version of its API", inner: inner);
    }
}
