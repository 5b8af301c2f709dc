using System.Net;
using System.Net.Sockets;
using Mono.Unix.Native;
using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>Which calls are repeats of one caller, on every model and kind of endpoint: an ADD under the same xid acts for each caller once.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Models))]
public sealed class CallerIdentityTests(string model) : AllKinds(model)
{
    private const uint Random = 0x8765_4321;
    private static uint s_xid = (uint)System.Random.Shared.Next();

    [TestCase(0u, TestName = "{m}(the Linux kernel's)")]
    [TestCase(42u, TestName = "{m}(pynfs')")]
    [TestCase(1_795_000_000u, TestName = "{m}(a time, libtirpc's)")]
    [TestCase(0xFFFF_FFFFu, TestName = "{m}(-1)")]
    public void Clients_whose_credential_has_the_same_constant_stamp_both_act(uint stamp) => OnEachTwice((address, first, second) =>
    {
        byte[] call = AddAs(stamp);
        byte[] reply = first().Exchange(call);
        Assert.That(second().Exchange(call), Is.Not.EqualTo(reply), address.Text);
        return 2;
    });

    [Test]
    public void A_client_with_a_random_stamp_is_known_on_another_connection_while_the_first_is_open() => OnEachTwice((address, first, second) =>
    {
        byte[] call = AddAs(Random);
        byte[] reply = first().Exchange(call);
        Assert.That(second().Exchange(call), Is.EqualTo(reply), address.Text);
        return 1;
    });

    [Test]
    public void From_another_host_the_same_stamp_is_another_caller()
    {
        foreach (ServerAddress address in Server.Addresses.Where(address => address.IsInternet && address.EndPoint.AddressFamily == AddressFamily.InterNetwork))
        {
            long sum = Counters[Counter.Sum];
            byte[] call = AddAs(Random);
            byte[] reply = Once(address, call, From("127.0.0.1"));
            Assert.That(Once(address, call, From("127.0.0.2")), Is.Not.EqualTo(reply), address.Text);
            Assert.That(Once(address, call, From("127.0.0.1")), Is.EqualTo(reply));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 2));
        }
    }

    [Test]
    public void On_a_UNIX_domain_socket_another_user_with_the_same_credential_is_another_caller()
    {
        foreach (ServerAddress address in Server.Addresses.Where(address => !address.IsInternet))
        {
            if (address.FilePath is { } path)
                Assert.That(Syscall.chmod(path, FilePermissions.ACCESSPERMS), Is.Zero);
            long sum = Counters[Counter.Sum];
            byte[] call = AddAs(Random);
            byte[] reply = Once(address, call);
            byte[] other = AsUser.Run(AsUser.Nobody, () => Once(address, call));
            Assert.That(other, Is.Not.EqualTo(reply), address.Text);
            Assert.That(AsUser.Run(AsUser.Nobody, () => Once(address, call)), Is.EqualTo(other));
            Assert.That(Once(address, call), Is.EqualTo(reply));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 2));
        }
    }

    [Test]
    public void A_client_that_comes_back_from_the_same_reserved_port_is_known_and_from_another_it_is_not()
    {
        if (Interop.Libc.geteuid() != 0)
            Assert.Ignore("only root may bind a reserved port");
        foreach (ServerAddress address in Server.Addresses.Where(address => address.Kind == EndpointKind.Tcp))
        {
            // A loopback address that no other test uses, so that its ports are free.
            IPAddress host = new([127, .. Guid.NewGuid().ToByteArray().AsSpan(0, 3)]);
            int[] ports = [1023, 1022];
            long sum = Counters[Counter.Sum];
            byte[] call = AddAs(stamp: 0);
            byte[] reply = Once(address, call, new IPEndPoint(host, ports[0]));
            Assert.That(Once(address, call, new IPEndPoint(host, ports[0])), Is.EqualTo(reply));
            Assert.That(Once(address, call, new IPEndPoint(host, ports[1])), Is.Not.EqualTo(reply));
            Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + 2));
        }
    }

    // Connects two clients from one address, the second while the first is open where the model serves two at a time; returns how often ADD acts.
    private void OnEachTwice(Func<ServerAddress, Func<RpcPeer>, Func<RpcPeer>, int> talk)
    {
        bool oneAtATime = ServerModelCatalog.Find(Model)!.OneAtATime;
        foreach (ServerAddress address in Server.Addresses)
        {
            List<RpcPeer> peers = [];
            long sum = Counters[Counter.Sum];
            try
            {
                int acts = talk(address, NewPeer, NewPeer);
                Assert.That(Counters[Counter.Sum], Is.EqualTo(sum + acts), address.Text);
            }
            finally
            {
                peers.ForEach(peer => peer.Dispose());
            }

            RpcPeer NewPeer()
            {
                if (oneAtATime)
                    peers.ForEach(peer => peer.Dispose());
                peers.Add(new(address));
                return peers[^1];
            }
        }
    }

    private static byte[] AddAs(uint stamp) =>
        RpcWire.CallAs(++s_xid, RpcWire.Add, RpcWire.AuthSys, RpcWire.SysCredential(stamp, "machine"), RpcWire.Hyper(1));

    private static IPEndPoint From(string host) => new(IPAddress.Parse(host), 0);

    // A program that another test starts at this moment holds all descriptors until its execve(2), the socket of the last connection among them, so the port is in use.
    private static RpcPeer Connect(ServerAddress address, EndPoint? local)
    {
        RpcPeer? peer = null;
        Eventually.Holds(
            () =>
            {
                try
                {
                    peer = new(address, local);
                    return true;
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
                {
                    return false;
                }
            },
            "the port of the last connection is still taken");
        return peer!;
    }

    // The client resets its connection, so that its port is free at once.
    private static byte[] Once(ServerAddress address, byte[] call, EndPoint? local = null)
    {
        using RpcPeer peer = Connect(address, local);
        byte[] reply = peer.Exchange(call);
        if (address.IsStream)
            peer.Client.Vanish();
        return reply;
    }
}
