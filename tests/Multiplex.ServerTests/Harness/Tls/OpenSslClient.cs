namespace Multiplex.ServerTests.Harness.Tls;

/// <summary>A client in C on OpenSSL, tls_client.c, compiled once.</summary>
internal static class OpenSslClient
{
    private static readonly Lazy<string> s_program = new(Compile);

    /// <summary>The program.</summary>
    public static string Program => s_program.Value;

    /// <summary>Its arguments.</summary>
    public static string[] Arguments(ServerAddress server, Certificates certificates, string? certificate = null) =>
    [
        $"{server.Port}", certificates.Authority,
        .. certificate is null ? (string[])[] : [certificates[$"{certificate}.pem"], certificates[$"{certificate}.key"]],
    ];

    private static string Compile()
    {
        if (!File.Exists("/usr/include/openssl/ssl.h"))
            Tools.Missing("libssl-dev is not installed");
        string program = Path.Combine(Directory.CreateTempSubdirectory("multiplex-openssl-").FullName, "tls_client");
        ProgramRun.Successfully(
            Tools.Require("gcc"),
            ["-O2", "-o", program, Path.Combine(AppContext.BaseDirectory, "Harness/Tls", "tls_client.c"), "-lssl", "-lcrypto"]);
        return program;
    }
}
