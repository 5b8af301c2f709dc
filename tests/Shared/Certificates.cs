using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Multiplex.TestSupport;

/// <summary>Two authorities and certificates that they signed, as PEM files in a temporary folder.</summary>
internal sealed class Certificates : IDisposable
{
    private static readonly TimeSpan s_validity = TimeSpan.FromDays(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("mx-tls-").FullName;

    /// <summary>Makes them.</summary>
    public Certificates()
    {
        using X509Certificate2 authority = MakeAuthority("authority"), other = MakeAuthority("other-authority");
        Make(authority, "server", "CN=multiplex test server");
        Make(authority, "client", "CN=alice,O=Multiplex");
        Make(other, "stranger", "CN=mallory");
    }

    /// <summary>The authority of the server and of its clients.</summary>
    public string Authority => this["authority.pem"];

    /// <summary>Another one.</summary>
    public string OtherAuthority => this["other-authority.pem"];

    /// <summary>A file by name: the certificates of server, client and stranger are in NAME.pem, their keys in NAME.key.</summary>
    public string this[string name] => Path.Combine(_folder, name);

    /// <summary>A certificate in DER.</summary>
    public byte[] EncodedOf(string name) => X509CertificateLoader.LoadCertificateFromFile(this[$"{name}.pem"]).RawData;

    /// <summary>A copy of a key that is protected by a passphrase.</summary>
    public string ProtectedKeyOf(string name)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(this[$"{name}.key"]));
        string path = this[$"{name}.protected.key"];
        File.WriteAllText(path, key.ExportEncryptedPkcs8PrivateKeyPem("passphrase", new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
        return path;
    }

    /// <summary>Deletes the files.</summary>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private X509Certificate2 MakeAuthority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        X509Certificate2 certificate = request.CreateSelfSigned(now - s_validity, now + s_validity);
        File.WriteAllText(this[$"{name}.pem"], certificate.ExportCertificatePem());
        return certificate;
    }

    // For localhost and the loopback addresses.
    private void Make(X509Certificate2 authority, string name, string subject)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        using X509Certificate2 certificate =
            request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(this[$"{name}.pem"], certificate.ExportCertificatePem());
        File.WriteAllText(this[$"{name}.key"], key.ExportPkcs8PrivateKeyPem());
    }
}
