namespace Multiplex.Tls;

/// <summary>TLS cannot be had: OpenSSL is not installed, a file is not what it should be, or the peer and this side do not agree.</summary>
public sealed class TlsException(string message) : IOException(message)
{
    /// <summary>OpenSSL has no memory.</summary>
    internal static TlsException OutOfMemory => new("TLS: OpenSSL has no memory left");
}
