using CommandLine;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli.Options;

/// <summary>A verb whose client can use TLS: --tls, and the options that go with it.</summary>
internal abstract class TlsClientVerb
{
    [Section("TLS")]
    [Option("tls", HelpText = "Call over TLS 1.3 (RFC 9289), or not at all.")]
    public bool UsesTls { get; set; }

    [Option("tls-ca", MetaValue = "FILE", HelpText = "Authorities in PEM, one of which must have signed the server's certificate. Without it: the system's.")]
    public string? TlsCa { get; set; }

    [Option("tls-host", MetaValue = "NAME", HelpText = "The name or IP address that the server's certificate must be for. Without it: the host of ENDPOINT.")]
    public string? TlsHost { get; set; }

    [Option("tls-cert", MetaValue = "FILE", HelpText = "The client's own certificate in PEM, for a server that asks for one.")]
    public string? TlsCertificate { get; set; }

    [Option("tls-key", MetaValue = "FILE", HelpText = "The private key of that certificate in PEM, without a passphrase.")]
    public string? TlsKey { get; set; }

    /// <summary>The options as the client takes them; null without --tls.</summary>
    /// <param name="server">The server as it was written.</param>
    /// <param name="endpoint">Its endpoint; null until a name service has found it.</param>
    /// <param name="host">The host that was written; empty where there is none.</param>
    /// <exception cref="UsageException">The options exclude each other, or do not fit the server.</exception>
    public TlsClientOptions? ReadTls(string server, Endpoint? endpoint, string host)
    {
        if (!UsesTls)
        {
            return TlsCa is null && TlsHost is null && TlsCertificate is null && TlsKey is null
                ? null
                : throw new UsageException("--tls-ca, --tls-host, --tls-cert and --tls-key: they are for --tls");
        }

        if (endpoint is not null && !endpoint.Kind.IsStream())
            throw new UsageException($"--tls: {endpoint} keeps the boundaries of messages, and TLS is for streams: tcp: or unix:");
        if (host.Length == 0 && TlsHost is null)
            throw new UsageException($"--tls: {server} has no host that the server's certificate could be for: write --tls-host NAME");
        if ((TlsCertificate is null) != (TlsKey is null))
            throw new UsageException("--tls-cert and --tls-key: write both, or neither");
        return new() { CaFile = TlsCa, TargetHost = TlsHost ?? (endpoint is null ? host : null), CertificateFile = TlsCertificate, KeyFile = TlsKey };
    }

    /// <summary>Throws if TLS was requested and the endpoint from the name service is not a stream.</summary>
    /// <exception cref="IOException">It is not a stream.</exception>
    public static void CheckFound(string verb, string server, Endpoint found, TlsClientOptions? tls)
    {
        if (tls is not null && !found.Kind.IsStream())
            throw new IOException($"{verb} {server}: it is found at {found}, and TLS is for streams: write rpc+tcp: in place of rpc:");
    }
}
