using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli.Options;

/// <summary>The options of a client's TLS, which call and load have: --tls, and what goes with it.</summary>
/// <param name="IsUsed">Whether --tls is there.</param>
/// <param name="Authority">After --tls-ca.</param>
/// <param name="Host">After --tls-host.</param>
/// <param name="Certificate">After --tls-cert.</param>
/// <param name="Key">After --tls-key.</param>
internal sealed record ClientTlsOptions(bool IsUsed, string? Authority, string? Host, string? Certificate, string? Key)
{
    public const string Help = "Call over TLS 1.3 (RFC 9289), or not at all.";
    public const string AuthorityHelp = "Authorities in PEM, one of which must have signed the server's certificate. Without it: the system's.";
    public const string HostHelp = "The name or IP address that the server's certificate must be for. Without it: the host of ENDPOINT.";
    public const string CertificateHelp = "The client's own certificate in PEM, for a server that asks for one.";
    public const string KeyHelp = "The private key of that certificate in PEM, without a passphrase.";

    /// <summary>What they say; null for no TLS.</summary>
    /// <param name="server">The server as it was written.</param>
    /// <param name="endpoint">Its endpoint; null while a name service is to be asked.</param>
    /// <param name="host">The host that was written; empty where there is none.</param>
    /// <exception cref="UsageException">They do not go together, or not with the server.</exception>
    public TlsClientOptions? For(string server, Endpoint? endpoint, string host)
    {
        if (!IsUsed)
        {
            return Authority is null && Host is null && Certificate is null && Key is null
                ? null
                : throw new UsageException("--tls-ca, --tls-host, --tls-cert and --tls-key: they are for --tls");
        }

        if (endpoint is not null && !endpoint.Kind.IsStream())
            throw new UsageException($"--tls: {endpoint} keeps the boundaries of messages, and TLS is for streams: tcp: or unix:");
        if (host.Length == 0 && Host is null)
            throw new UsageException($"--tls: {server} has no host that the server's certificate could be for: write --tls-host NAME");
        if ((Certificate is null) != (Key is null))
            throw new UsageException("--tls-cert and --tls-key: write both, or neither");
        return new() { CaFile = Authority, TargetHost = Host ?? (endpoint is null ? host : null), CertificateFile = Certificate, KeyFile = Key };
    }

    /// <summary>What a name service found is a datagram socket or the like, where TLS was asked for.</summary>
    /// <exception cref="IOException">It is.</exception>
    public static void CheckFound(string verb, string server, Endpoint found, TlsClientOptions? tls)
    {
        if (tls is not null && !found.Kind.IsStream())
            throw new IOException($"{verb} {server}: it is found at {found}, and TLS is for streams: write rpc+tcp: in place of rpc:");
    }
}
