using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Multiplex.ServerTests.Harness.Tls;

/// <summary>Certificates in files, and the settings with them for the command and for a client on .NET's own library.</summary>
internal static class TlsFiles
{
    /// <summary>The options of <c>serve</c>.</summary>
    public static string[] Serve(this Certificates certificates, string policy = "required", bool asksForCertificate = false) =>
    [
        "--tls", policy, "--tls-cert", certificates["server.pem"], "--tls-key", certificates["server.key"],
        .. asksForCertificate ? (string[])["--tls-client-ca", certificates.Authority] : [],
    ];

    /// <summary>The settings of an SslStream client that the server accepts.</summary>
    /// <param name="certificates">The files.</param>
    /// <param name="certificate">The name of the certificate that it presents; null for none.</param>
    public static SslClientAuthenticationOptions Client(this Certificates certificates, string? certificate = null) => new()
    {
        TargetHost = "localhost",
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = [new("sunrpc")],
        CertificateChainPolicy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(certificates.Authority) },
            RevocationMode = X509RevocationMode.NoCheck,
        },
        ClientCertificates = certificate is null
            ? null
            : [X509Certificate2.CreateFromPemFile(certificates[$"{certificate}.pem"], certificates[$"{certificate}.key"])],
    };
}
