namespace Multiplex.Tls;

/// <summary>The client's side of TLS 1.3: which servers it trusts, and the certificate that it shows.</summary>
public sealed record TlsClientOptions
{
    /// <summary>A PEM file of the authorities that are trusted. Null: those of the system, as OpenSSL finds them.</summary>
    public string? CaFile { get; init; }

    /// <summary>
    /// The name, or the IP address, that the server's certificate must be for. Null: the host of the server's endpoint, which a UNIX-domain
    /// socket does not have.
    /// </summary>
    public string? TargetHost { get; init; }

    /// <summary>A PEM file: the client's certificate, and behind it those that lead to the authority that the server trusts. Null: none is shown.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>A PEM file with the private key of that certificate.</summary>
    public string? KeyFile { get; init; }
}
