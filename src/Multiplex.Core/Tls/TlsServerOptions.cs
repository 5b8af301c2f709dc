namespace Multiplex.Tls;

/// <summary>The server's side of TLS 1.3: the certificate that it shows, and what it asks of clients.</summary>
public sealed record TlsServerOptions
{
    /// <summary>A PEM file: the server's certificate, and behind it those that lead to the authority that clients trust.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>A PEM file with the private key of the certificate. One that is protected by a passphrase is refused.</summary>
    public required string KeyFile { get; init; }

    /// <summary>A PEM file of authorities: each client must show a certificate that one of them has signed. Null: clients need none.</summary>
    public string? ClientCaFile { get; init; }

    /// <summary>Whether connections without TLS are served too.</summary>
    public TlsPolicy Policy { get; init; } = TlsPolicy.Required;
}

/// <summary>Whether a server that has TLS serves clients without it.</summary>
public enum TlsPolicy
{
    /// <summary>Clients that ask for TLS get it, others are served without.</summary>
    Optional,

    /// <summary>Nothing is done for a client before its connection has TLS.</summary>
    Required,
}
