using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>The hook that accepts or refuses callers.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Datagram)]
public class RpcAccessTests(Form form) : RpcFixture(form)
{
    private const uint AuthError = 1, BadCred = 1, TooWeak = 5, AuthFailed = 7;
    private static readonly byte[] s_ipv4 = [2, 0, 3, 0xFF, 10, 0, 0, 1, .. new byte[8]];   // port 1023

    [Test]
    public void A_caller_is_refused_by_credential()
    {
        Guard((in RpcCall call) => !call.Credential.TryGetSys(out SysCredential sys) ? AuthenticationStatus.TooWeak
            : sys.Uid == 0 ? AuthenticationStatus.BadCredential : AuthenticationStatus.Ok);
        Assert.That(Ask(Call(0, [])), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(NullAs(uid: 0)), Is.EqualTo(Denied(AuthError, BadCred)));
        Assert.That(Ask(NullAs(uid: 1000)), Is.EqualTo(Accepted(0)));
        Assert.That(Counters[Counter.Calls], Is.EqualTo(1));
    }

    [Test]
    public void A_caller_is_refused_by_address_and_port()
    {
        Guard((in RpcCall call) => call.Peer.Host.SequenceEqual<byte>([10, 0, 0, 1]) && call.Peer.HasReservedPort
            ? AuthenticationStatus.Ok : AuthenticationStatus.TooWeak);
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Tcp, s_ipv4)), Is.EqualTo(Accepted(0)));
        byte[] ordinaryPort = [2, 0, 4, 0, .. s_ipv4[4..]], otherHost = [.. s_ipv4[..7], 2, .. new byte[8]];
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Tcp, ordinaryPort)), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Tcp, otherHost)), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Unix, [1, 0])), Is.EqualTo(Denied(AuthError, TooWeak)), "no port at all");
    }

    [Test]
    public void A_UNIX_domain_caller_is_refused_by_what_the_kernel_knows_of_it()
    {
        Guard((in RpcCall call) => call.Peer.Unix is { UserId: 1000 } ? AuthenticationStatus.Ok : AuthenticationStatus.TooWeak);
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Unix, [1, 0], 1, new(77, 1000, 100))), Is.EqualTo(Accepted(0)));
        Assert.That(Ask(Call(0, []), new Peer(EndpointKind.Unix, [1, 0], 1, new(77, 1001, 100))), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(Call(0, [])), Is.EqualTo(Denied(AuthError, TooWeak)), "by TCP");
    }

    [Test]
    public void A_refused_caller_learns_of_no_program()
    {
        Guard((in RpcCall _) => AuthenticationStatus.TooWeak);
        Assert.That(Ask(Call(0, [], program: 7)), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(Call(0, [], version: 7)), Is.EqualTo(Denied(AuthError, TooWeak)));
        Assert.That(Ask(Call(0, [], rpcVersion: 3)), Is.EqualTo(Denied(0, 2, 2)), "another RPC version might not have credentials");
    }

    [Test]
    public void A_hook_that_throws_refuses_and_is_reported()
    {
        List<Exception> failures = [];
        Protocol = new(new MultiplexProgram(Counters)) { Access = (in RpcCall _) => throw new InvalidOperationException("hook"), OnFailure = failures.Add };
        Assert.That(Ask(Call(0, [])), Is.EqualTo(Denied(AuthError, AuthFailed)));
        Assert.That(failures.Single().Message, Is.EqualTo("hook"));
    }

    private void Guard(RpcAccess access)
    {
        Protocol = new(new MultiplexProgram(Counters)) { Access = access, Replies = null };
        Protocol.Open(Counters);
    }

    private static byte[] NullAs(uint uid) => [.. Words(Xid, 0, 2, Program, 1, 0, 1, 20, 7, 0, uid, 100, 0), .. Words(0, 0)];
}
