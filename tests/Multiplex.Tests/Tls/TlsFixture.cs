using System.Security.Cryptography;
using Multiplex.Tls;

namespace Multiplex.Tests.Tls;

/// <summary>Certificates, and a server and a client that use them.</summary>
public abstract class TlsFixture
{
    private TlsContext _server = null!;
    private TlsContext _client = null!;
    private TlsPipe _serverPipe = null!;
    private TlsPipe _clientPipe = null!;

    private protected Certificates Certificates { get; private set; } = null!;

    private protected TlsServerOptions ServerOptions => new() { CertificateFile = Certificates["server.pem"], KeyFile = Certificates["server.key"] };

    [OneTimeSetUp]
    public void Make_certificates()
    {
        Certificates = new();
        _server = TlsContext.ForServer(ServerOptions, "sunrpc");
        _client = TlsContext.ForClient(new() { CaFile = Certificates.Authority }, "sunrpc");
        (_serverPipe, _clientPipe) = (new(), new());
    }

    [OneTimeTearDown]
    public void Delete_certificates()
    {
        _server.Dispose();
        _client.Dispose();
        Certificates.Dispose();
    }

    private protected static byte[] Random(int length) => RandomNumberGenerator.GetBytes(length);

    private protected TlsPair NewPair(TlsContext? server = null, TlsContext? client = null, string host = "localhost", int pieceLength = int.MaxValue) =>
        new(new(server ?? _server, _serverPipe), new(client ?? _client, _clientPipe, host), pieceLength);

    /// <summary>The client's side of a connection.</summary>
    private protected TlsFilter NewClient(TlsContext? context = null) => new(context ?? _client, _clientPipe, "localhost");

    /// <summary>A connection whose handshake has ended, successfully or not.</summary>
    private protected TlsPair Connect(TlsContext? server = null, TlsContext? client = null, string host = "localhost", int pieceLength = int.MaxValue)
    {
        TlsPair pair = NewPair(server, client, host, pieceLength);
        while (pair.MoveOnce())
        {
        }

        return pair;
    }
}

/// <summary>The two sides of a connection, and the ciphertext on its way.</summary>
internal sealed class TlsPair : IDisposable
{
    private readonly int _pieceLength;
    private readonly OutputBuffer _toServer = new(), _toClient = new();

    public TlsPair(TlsFilter server, TlsFilter client, int pieceLength)
    {
        (Server, Client, _pieceLength) = (server, client, pieceLength);
        Client.Begin();
        Client.Seal([], _toServer);
    }

    public TlsFilter Server { get; }

    public TlsFilter Client { get; }

    /// <summary>Carries the client's ciphertext to the server, and the server's to the client.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool MoveOnce()
    {
        bool moves = _toServer.Length + _toClient.Length > 0;
        Assert.That(Carry(_toServer, Server), Is.Empty);
        Assert.That(Carry(_toClient, Client), Is.Empty);
        return moves;
    }

    /// <summary>Sends plaintext to the server.</summary>
    /// <returns>What arrives.</returns>
    public byte[] ToServer(ReadOnlySpan<byte> plaintext)
    {
        Client.Seal(plaintext, _toServer);
        return Carry(_toServer, Server);
    }

    /// <summary>Sends plaintext to the client.</summary>
    /// <returns>What arrives.</returns>
    public byte[] ToClient(ReadOnlySpan<byte> plaintext)
    {
        Server.Seal(plaintext, _toClient);
        return Carry(_toClient, Client);
    }

    /// <summary>The ciphertext of a side for this plaintext.</summary>
    public byte[] Seal(TlsFilter side, ReadOnlySpan<byte> plaintext)
    {
        OutputBuffer ciphertext = new();
        side.Seal(plaintext, ciphertext);
        return ciphertext.Written.ToArray();
    }

    /// <summary>The plaintext that a side decrypts from this ciphertext; its answers are kept for the other side.</summary>
    public byte[] Open(TlsFilter side, ReadOnlySpan<byte> ciphertext)
    {
        byte[] plaintext = new byte[ciphertext.Length + TlsFilter.LongestRecord];
        int count = side.Open(ciphertext, plaintext);
        side.Seal([], side == Server ? _toClient : _toServer);
        return plaintext[..count];
    }

    public void Dispose()
    {
        Server.Release();
        Client.Release();
    }

    private byte[] Carry(OutputBuffer ciphertext, TlsFilter to)
    {
        using MemoryStream plaintext = new();
        byte[] all = ciphertext.Written.ToArray();
        ciphertext.Clear();
        for (int at = 0; at < all.Length;)
        {
            int length = Math.Min(_pieceLength, all.Length - at);
            plaintext.Write(Open(to, all.AsSpan(at, length)));
            at += length;
        }

        return plaintext.ToArray();
    }
}
