using System.Net;
using System.Net.Sockets;
using System.Text;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>
/// The library's client asks for TLS by one call, RFC 9289 section 4.1, and where the reply does not grant it sends nothing more: a server that has no TLS, or an attacker
/// between the two, gets no call and no credential.
/// </summary>
public sealed class NoDowngradeTests
{
    private const uint Program = 0x2000_4543, BadCredential = 1, RejectedCredential = 2;

    private readonly Certificates _certificates = new();

    /// <summary>What servers without TLS answer: Linux' server as to any NULL call; servers on libtirpc, and others, that the flavor is unknown.</summary>
    public static IEnumerable<TestCaseData> Replies =>
    [
        new TestCaseData(Accepted(verifier: "", status: 0), "it answers the call that asks for it like any other").SetArgDisplayNames("SUCCESS"),
        new TestCaseData(Accepted(verifier: "STARTTLZ", status: 0), "it answers the call that asks for it like any other").SetArgDisplayNames("another verifier"),
        new TestCaseData(Accepted(verifier: "", status: 1), "PROG_UNAVAIL").SetArgDisplayNames("PROG_UNAVAIL"),
        new TestCaseData(RpcWire.AuthError(0, BadCredential)[4..], "AUTH_BADCRED").SetArgDisplayNames("AUTH_BADCRED"),
        new TestCaseData(RpcWire.AuthError(0, RejectedCredential)[4..], "AUTH_REJECTEDCRED").SetArgDisplayNames("AUTH_REJECTEDCRED"),
        new TestCaseData(Encoding.ASCII.GetBytes("220 ready to start TLS"), "what it answers is no reply").SetArgDisplayNames("nonsense"),
    ];

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCaseSource(nameof(Replies))]
    public async Task A_reply_that_does_not_grant_TLS_ends_it(byte[] replyBehindXid, string why)
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Endpoint server = Endpoint.Parse($"tcp://{listener.LocalEndPoint}");
        Task<(byte[] Probe, int More)> served = Task.Run(() =>
        {
            using Socket connection = listener.Accept();
            connection.ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds;
            byte[] probe = new byte[44];
            for (int length = 0; length < probe.Length;)
                length += connection.Receive(probe.AsSpan(length));
            connection.Send(RpcWire.Record([.. probe[4..8], .. replyBehindXid]));
            return (probe, connection.Receive(new byte[1]));
        });
        RpcTlsException? refused = await Assert.ThrowsAsync<RpcTlsException>(
            () => RpcClient.ConnectAsync(server, new() { Tls = new() { CaFile = _certificates.Authority }, TlsProgram = (Program, 1), Authentication = RpcAuthentication.Sys() }));
        Assert.That(refused!.Message, Does.StartWith($"TLS with {server}: the server has none: ").And.Contains(why));
        (byte[] asked, int more) = await served.WaitAsync(Eventually.Deadline);
        Assert.That(asked, Is.EqualTo(RpcWire.Record([.. asked[4..8], .. RpcWire.CallAs(0, RpcWire.Null, RpcWire.AuthTls, [])[4..]])), "NULL, AUTH_TLS without a body, AUTH_NONE");
        Assert.That(more, Is.Zero, "the client closes the connection");
    }

    // MSG_ACCEPTED, a verifier of AUTH_NONE with this body, and the status.
    private static byte[] Accepted(string verifier, uint status) =>
        [.. RpcWire.UInt(1), .. RpcWire.UInt(0), .. RpcWire.UInt(0), .. RpcWire.Opaque(Encoding.ASCII.GetBytes(verifier)), .. RpcWire.UInt(status)];
}
