using System.Text;
using Multiplex.Rpc.Xdr;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Messages;

/// <summary>The credential that a client's calls carry, as a server reads it.</summary>
public class RpcAuthenticationTests
{
    // The credential of a call as it arrives.
    private static (AuthenticationFlavor Flavor, byte[] Body) Received(RpcAuthentication authentication)
    {
        byte[]? message = null;
        using ScriptedServer server = new(connection =>
        {
            ReceivedCall call = connection.Receive();
            message = call.Message;
            connection.Answer(call.Xid);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, new() { Authentication = authentication, Timeout = Eventually.Deadline });
        client.Call(new(1, 1, 0), 0, (_, _) => { }, (ref XdrReader _) => true);
        XdrReader reader = new(message.AsSpan(24));
        AuthenticationFlavor flavor = (AuthenticationFlavor)reader.ReadUInt32();
        byte[] body = reader.ReadOpaque(400).ToArray();
        Assert.That((reader.ReadUInt32(), reader.ReadUInt32()), Is.EqualTo((0u, 0u)), "the verifier is AUTH_NONE");
        Assert.That(reader.IsComplete, Is.True);
        return (flavor, body);
    }

    private static SysCredential Sys(byte[] body)
    {
        Assert.That(SysCredential.TryRead(body, out SysCredential sys), Is.True);
        return sys;
    }

    [Test]
    public void AUTH_NONE_is_empty()
    {
        (AuthenticationFlavor flavor, byte[] body) = Received(RpcAuthentication.None);
        Assert.That(flavor, Is.EqualTo(AuthenticationFlavor.None));
        Assert.That(body, Is.Empty);
    }

    [Test]
    public void AUTH_SYS_tells_machine_user_and_groups()
    {
        (AuthenticationFlavor flavor, byte[] body) = Received(RpcAuthentication.Sys());
        SysCredential sys = Sys(body);
        Assert.That(flavor, Is.EqualTo(AuthenticationFlavor.Sys));
        Assert.That(Encoding.UTF8.GetString(sys.MachineName), Is.EqualTo(File.ReadAllText("/proc/sys/kernel/hostname").Trim()));
        Assert.That((sys.Uid, sys.Gid), Is.EqualTo((geteuid(), getegid())));
        Assert.That(sys.GroupCount, Is.EqualTo(Math.Min((int)getgroups([]).Value, 16)));
    }

    [Test]
    public void Each_client_has_a_stamp_of_its_own_that_is_no_time_of_day()
    {
        RpcAuthentication one = RpcAuthentication.Sys();
        uint[] stamps = [.. Enumerable.Range(0, 5).Select(_ => Sys(Received(one).Body).Stamp)];
        Assert.That(stamps, Is.Unique.And.All.GreaterThanOrEqualTo(0x8000_0000));
    }

    [Test]
    public void Values_that_are_given_are_taken_and_groups_past_the_sixteenth_are_left_out()
    {
        uint[] groups = [.. Enumerable.Range(1, 40).Select(group => (uint)group)];
        SysCredential sys = Sys(Received(RpcAuthentication.Sys(7, "ein Rechner", 8, 9, groups)).Body);
        Assert.That((sys.Stamp, Encoding.UTF8.GetString(sys.MachineName), sys.Uid, sys.Gid), Is.EqualTo((7u, "ein Rechner", 8u, 9u)));
        Assert.That(sys.GroupCount, Is.EqualTo(16));
        Assert.That(sys.Group(15), Is.EqualTo(16));
        Assert.That(() => RpcAuthentication.Sys(1, new string('x', 256), 1, 1), Throws.ArgumentException.With.Message.Contains("255"));
    }
}
