namespace Multiplex.Tls;

/// <summary>What a TLS handshake established of the peer.</summary>
/// <param name="cipher">See <see cref="Cipher"/>.</param>
/// <param name="certificate">See <see cref="Certificate"/>.</param>
/// <param name="subject">See <see cref="Subject"/>.</param>
public sealed class TlsPeer(string cipher, ReadOnlyMemory<byte> certificate, string subject)
{
    /// <summary>The cipher suite, such as TLS_AES_256_GCM_SHA384.</summary>
    public string Cipher { get; } = cipher;

    /// <summary>
    /// The peer's certificate, X.509 in DER. It has been checked: an authority that this side trusts has signed it. Empty: the peer has shown none.
    /// </summary>
    public ReadOnlyMemory<byte> Certificate { get; } = certificate;

    /// <summary>The subject of the certificate, as RFC 2253 writes it, such as "CN=client,O=Example"; empty without a certificate.</summary>
    public string Subject { get; } = subject;
}
