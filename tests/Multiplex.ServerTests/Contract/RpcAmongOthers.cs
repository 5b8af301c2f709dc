using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>ONC RPC on every model that serves several clients at once: whom they reach, and what they share.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ManyAndForms))]
public sealed class RpcAmongOthers(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    [Test]
    public void Add_is_one_counter_for_all_connections()
    {
        const int Connections = 8, Calls = 50;
        using RpcPeer observer = new(Server.Address);
        ulong before = observer.Add(0);
        ulong[][] seen = new ulong[Connections][];
        Parallel.For(0, Connections, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            using RpcPeer peer = new(Server.Address);
            seen[i] = [.. Enumerable.Range(0, Calls).Select(_ => peer.Add(1))];
        });
        Assert.That(observer.Add(0), Is.EqualTo(before + (Connections * Calls)));
        Assert.That(seen.SelectMany(values => values), Is.Unique);
        foreach (ulong[] values in seen)
            Assert.That(values, Is.Ordered);
    }

    [Test]
    public void Served_counts_the_calls_of_all_connections()
    {
        using RpcPeer first = new(Server.Address), second = new(Server.Address);
        ulong before = first.Whoami().Served;
        second.Null();
        second.Add(1);
        Assert.That(second.Whoami().Served, Is.EqualTo(before + 3));
        Assert.That(first.Whoami().Served, Is.EqualTo(before + 4));
    }

    [Test]
    public void Whoami_tells_who_answered()
    {
        using RpcPeer one = new(Server.Address), other = new(Server.Address);
        uint first = one.Whoami().Process, second = other.Whoami().Process;
        Assert.That(one.Whoami().Process, Is.EqualTo(first));
        if (Cells.Forks(Model))
        {
            Assert.That(second, Is.Not.EqualTo(first));
            Assert.That(Server.Children().Select(child => (uint)child.Id), Is.SupersetOf((uint[])[first, second]));
        }
        else
        {
            Assert.That((uint[])[first, second], Is.All.EqualTo((uint)Server.Id));
            Assert.That(Server.Children(), Is.Empty);
        }
    }
}
