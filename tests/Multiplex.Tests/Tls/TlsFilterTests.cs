using System.Text;
using Multiplex.Tls;

namespace Multiplex.Tests.Tls;

/// <summary>Both sides of TLS without a socket: the test carries the ciphertext from one to the other, in pieces of any size.</summary>
public sealed class TlsFilterTests : TlsFixture
{
    [Test]
    public void Bytes_pass_in_both_directions_after_the_handshake()
    {
        using TlsPair pair = Connect();
        Assert.That((pair.Client.State, pair.Server.State), Is.EqualTo((TlsState.Open, TlsState.Open)));
        Assert.That(pair.ToServer("call"u8), Is.EqualTo("call"u8.ToArray()));
        Assert.That(pair.ToClient("reply"u8), Is.EqualTo("reply"u8.ToArray()));
        Assert.That(pair.Client.Peer!.Cipher, Does.StartWith("TLS_"));
        Assert.That(pair.Client.Peer!.Subject, Is.EqualTo("CN=multiplex test server"));
        Assert.That((pair.Server.Peer!.Subject, pair.Server.Peer!.Certificate.Length), Is.EqualTo(("", 0)), "the client has shown no certificate");
    }

    [Test]
    public void However_the_ciphertext_is_cut_the_plaintext_is_the_same([Values(1, 2, 3, 7, 100, 5000)] int pieceLength)
    {
        using TlsPair pair = Connect(pieceLength: pieceLength);
        byte[] plaintext = Random(20_000);
        Assert.That(pair.ToServer(plaintext), Is.EqualTo(plaintext));
        Assert.That(pair.ToClient(plaintext), Is.EqualTo(plaintext));
        Assert.That((pair.Client.AwaitsRest, pair.Server.AwaitsRest), Is.EqualTo((false, false)));
    }

    [TestCase(16 * 1024)]
    [TestCase((16 * 1024) + 1)]
    [TestCase(1 << 20)]
    public void A_long_message_is_many_records(int length)
    {
        using TlsPair pair = Connect(pieceLength: TlsPipe.ReceivedAtOnce);
        byte[] plaintext = Random(length);
        Assert.That(pair.ToServer(plaintext).AsSpan().SequenceEqual(plaintext), Is.True);
        Assert.That(pair.ToClient(plaintext).AsSpan().SequenceEqual(plaintext), Is.True);
    }

    [Test]
    public void Connections_that_take_turns_on_one_pipe_do_not_meet()
    {
        const int Count = 5;
        TlsPair[] pairs = [.. Enumerable.Range(0, Count).Select(_ => NewPair())];
        for (bool moves = true; moves;)
        {
            moves = false;
            foreach (TlsPair pair in pairs)
                moves |= pair.MoveOnce();
        }

        foreach (int i in Enumerable.Range(0, 3 * Count))
        {
            byte[] text = Encoding.ASCII.GetBytes($"of {i}");
            Assert.That(pairs[i % Count].ToServer(text), Is.EqualTo(text));
            Assert.That(pairs[(i + 1) % Count].ToClient(text), Is.EqualTo(text));
        }

        Array.ForEach(pairs, pair => pair.Dispose());
    }

    [Test]
    public void What_is_sealed_in_place_stands_where_the_plaintext_stood()
    {
        using TlsPair pair = Connect();
        OutputBuffer buffer = new();
        buffer.Write("before"u8);
        buffer.Write("plaintext"u8);
        pair.Server.SealInPlace(buffer, "before".Length);
        Assert.That(Encoding.ASCII.GetString(buffer.Written[..6]), Is.EqualTo("before"));
        Assert.That(pair.Open(pair.Client, buffer.Written[6..]), Is.EqualTo("plaintext"u8.ToArray()));
        pair.Server.SealInPlace(buffer, buffer.Length);
        Assert.That(pair.Open(pair.Client, []), Is.Empty);
    }

    [Test]
    public void A_part_of_a_record_is_awaited_and_counted()
    {
        using TlsPair pair = Connect();
        byte[] record = pair.Seal(pair.Client, Random(1000));
        long idle = pair.Server.Memory;
        Assert.That(pair.Server.AwaitsRest, Is.False);
        foreach (byte one in record.AsSpan(0, record.Length - 1))
        {
            Assert.That(pair.Open(pair.Server, [one]), Is.Empty);
            Assert.That(pair.Server.AwaitsRest, Is.True);
        }

        Assert.That(pair.Server.Memory, Is.GreaterThan(idle));
        Assert.That(pair.Open(pair.Server, record.AsSpan(record.Length - 1)), Has.Length.EqualTo(1000));
        Assert.That((pair.Server.AwaitsRest, pair.Server.Memory), Is.EqualTo((false, idle)));
    }

    [Test]
    public void A_side_that_has_closed_is_still_sent_what_was_pending()
    {
        using TlsPair pair = Connect();
        OutputBuffer notice = new();
        pair.Client.Close(notice);
        Assert.That(pair.Open(pair.Server, notice.Written), Is.Empty);
        Assert.That(pair.Server.State, Is.EqualTo(TlsState.PeerClosed));
        Assert.That(pair.ToClient("the last reply"u8), Is.EqualTo("the last reply"u8.ToArray()));
        notice.Clear();
        pair.Server.Close(notice);
        Assert.That(pair.Open(pair.Client, notice.Written), Is.Empty);
        Assert.That(pair.Client.State, Is.EqualTo(TlsState.PeerClosed));
    }

    [Test]
    public void What_came_before_the_end_is_given_with_it()
    {
        using TlsPair pair = Connect();
        OutputBuffer last = new();
        pair.Client.Seal("the last call"u8, last);
        pair.Client.Close(last);
        Assert.That(pair.Open(pair.Server, last.Written), Is.EqualTo("the last call"u8.ToArray()));
        Assert.That(pair.Server.State, Is.EqualTo(TlsState.PeerClosed));
    }

    [Test]
    public void New_keys_are_taken_into_use_by_both_sides()
    {
        using TlsPair pair = Connect();
        for (int i = 0; i < 3; i++)
        {
            pair.Client.UpdateKeys();
            Assert.That(pair.ToServer("under new keys"u8), Is.EqualTo("under new keys"u8.ToArray()));
            Assert.That(pair.ToClient("answered"u8), Is.EqualTo("answered"u8.ToArray()));
            pair.Server.UpdateKeys();
            Assert.That(pair.ToClient("and the other way"u8), Is.EqualTo("and the other way"u8.ToArray()));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Rubbish_fails_one_connection_and_leaves_nothing_to_the_next(bool isOpen)
    {
        using TlsPair bad = isOpen ? Connect() : NewPair();
        Assert.That(bad.Open(bad.Server, Random(3000)), Is.Empty);
        Assert.That(bad.Server.State, Is.EqualTo(TlsState.Failed));
        Assert.That(bad.Server.Failure, Is.Not.Empty);
        Assert.That(bad.Seal(bad.Server, "not sent"u8), Is.Empty);
        using TlsPair good = Connect();
        Assert.That(good.ToServer("call"u8), Is.EqualTo("call"u8.ToArray()));
    }

    [Test]
    public void A_record_that_was_tampered_with_fails_the_connection()
    {
        using TlsPair pair = Connect();
        byte[] record = pair.Seal(pair.Client, "a call"u8);
        record[^1] ^= 1;
        Assert.That(pair.Open(pair.Server, record), Is.Empty);
        Assert.That((pair.Server.State, pair.Server.Failure), Is.EqualTo((TlsState.Failed, "decryption failed or bad record mac")));
    }

    [Test]
    public void A_client_that_offers_another_protocol_is_refused_with_an_alert()
    {
        using TlsContext other = TlsContext.ForClient(new() { CaFile = Certificates.Authority }, "nfs");
        using TlsPair pair = Connect(client: other);
        Assert.That((pair.Client.State, pair.Server.State), Is.EqualTo((TlsState.Failed, TlsState.Failed)));
        Assert.That(pair.Client.Failure, Does.Contain("no application protocol"));
    }

    [Test]
    public void A_server_of_an_authority_that_is_not_trusted_is_refused()
    {
        using TlsContext other = TlsContext.ForClient(new() { CaFile = Certificates.OtherAuthority }, "sunrpc");
        using TlsPair pair = Connect(client: other);
        Assert.That((pair.Client.State, pair.Server.State), Is.EqualTo((TlsState.Failed, TlsState.Failed)));
        Assert.That(pair.Client.Failure, Does.StartWith("the peer's certificate is refused: "));
        Assert.That(pair.Server.Failure, Does.Contain("unknown ca"));
    }

    [TestCase("localhost", true)]
    [TestCase("127.0.0.1", true)]
    [TestCase("::1", true)]
    [TestCase("example.org", false)]
    [TestCase("127.0.0.2", false)]
    public void The_certificate_must_be_for_the_host(string host, bool isRight)
    {
        using TlsPair pair = Connect(host: host);
        Assert.That(pair.Client.State, Is.EqualTo(isRight ? TlsState.Open : TlsState.Failed));
        Assert.That(pair.Client.Failure, isRight ? Is.Null : Does.Contain("mismatch"));
    }

    [TestCase("client", true)]
    [TestCase("stranger", false)]
    [TestCase(null, false)]
    public void A_server_that_asks_for_certificates_serves_clients_of_its_authority(string? name, bool isServed)
    {
        using TlsContext server = TlsContext.ForServer(ServerOptions with { ClientCaFile = Certificates.Authority }, "sunrpc");
        using TlsContext client = TlsContext.ForClient(
            new()
            {
                CaFile = Certificates.Authority,
                CertificateFile = name is null ? null : Certificates[$"{name}.pem"],
                KeyFile = name is null ? null : Certificates[$"{name}.key"],
            },
            "sunrpc");
        using TlsPair pair = Connect(server, client);
        Assert.That(pair.Server.State, Is.EqualTo(isServed ? TlsState.Open : TlsState.Failed));
        Assert.That(pair.Client.State, Is.EqualTo(isServed ? TlsState.Open : TlsState.Failed), "a client of TLS 1.3 learns by the next alert");
        if (!isServed)
            return;
        Assert.That(pair.Server.Peer!.Subject, Is.EqualTo("CN=alice,O=Multiplex"));
        Assert.That(pair.Server.Peer!.Certificate.ToArray(), Is.EqualTo(Certificates.EncodedOf("client")));
    }

    [TestCase("server.pem", "missing.key", "missing.key is not the private key")]
    [TestCase("missing.pem", "server.key", "missing.pem is no certificate")]
    [TestCase("server.pem", "client.key", "client.key is not the private key of")]
    [TestCase("server.key", "server.key", "server.key is no certificate")]
    public void Files_that_are_not_what_they_should_be_are_named(string certificate, string key, string complaint)
    {
        TlsException failure = Assert.Throws<TlsException>(() => TlsContext.ForServer(
            new() { CertificateFile = Certificates[certificate], KeyFile = Certificates[key] }, "sunrpc"))!;
        Assert.That(failure.Message, Does.StartWith("TLS: ").And.Contain(complaint));
    }

    [Test]
    public void A_key_with_a_passphrase_is_refused_and_none_is_asked_for()
    {
        TlsException failure = Assert.Throws<TlsException>(() => TlsContext.ForServer(
            ServerOptions with { KeyFile = Certificates.ProtectedKeyOf("server") }, "sunrpc"))!;
        Assert.That(failure.Message, Does.Contain("without a passphrase"));
    }
}
