using System.Globalization;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>Three machines whose servers are killed, cut off, stopped and started again while 20 clients add 10,000 times: what was acknowledged has been added, once.</summary>
public sealed partial class FleetFaultTests
{
    private const int Clients = 20, Calls = 500;

    // Five of the faults end or cut off a server. A client has one call in flight, and waits up to 5 s for its outcome, in which the others go on. So a fault leaves few calls of a client
    // unknown, however slow the machine is: usually one. If replies are shared, most of these get their reply at another server.
    private const int MostUnknown = 5 * Clients * 5, MostUnknownIfShared = 5 * Clients * 2;

    private static readonly string[] s_models = ["epoll", "threads", "prefork"], s_sharing = ["epoll", "threads", "hybrid"];   // models that fork share no replies

    [TestCase(false)]
    [TestCase(true)]
    public void Behind_haproxy_the_sum_is_what_was_acknowledged_and_at_most_what_is_unknown_besides(bool shareReplies)
    {
        string haproxy = Tools.Require("haproxy"), configuration = Path.GetTempFileName();
        using FleetMachines fleet = new(shareReplies ? s_sharing : s_models, shareReplies);
        File.WriteAllText(
            configuration,
            $"""
            defaults
                mode tcp
                balance leastconn
                option redispatch
                retries 3
                timeout connect 500ms
                timeout check 1s
                timeout client 1m
                timeout server 1m
                default-server check inter 200ms rise 1 fall 2 on-marked-down shutdown-sessions
            listen fleet
                bind 127.0.0.1:7000
            {string.Join('\n', s_models.Select((_, machine) => $"    server machine{machine} {FleetMachines.Address(machine)}:{FleetMachines.Port}"))}

            """);
        try
        {
            using ServerProcess proxy = fleet.Front.Start(0, haproxy, "-db", "-f", configuration);
            Eventually.Holds(() => fleet.Front.Run(ServerProcess.Command, "call", "tcp://127.0.0.1:7000", "null").Status == 0, () => string.Join('\n', proxy.Errors));
            AddWhileServersFail(fleet, "tcp://127.0.0.1:7000", shareReplies);
        }
        finally
        {
            File.Delete(configuration);
        }
    }

    [Test]
    public void Found_by_etcd_the_sum_is_what_was_acknowledged_and_at_most_what_is_unknown_besides()
    {
        using FleetMachines fleet = new(s_models);
        string program = $"rpc+{fleet.Etcd.Url}/{RpcWire.Program}/1";
        AddWhileServersFail(fleet, program, areRepeated: false);

        HashSet<string> found = [];
        Eventually.Holds(
            () =>
            {
                found.UnionWith(fleet.Front.Run(ServerProcess.Command, "call", program, "whoami").Lines.Select(line => line.Split(' ')[0]));
                return found.Count >= s_models.Length;
            },
            () => $"only these are registered: {string.Join(' ', found)}");
    }

    private static void AddWhileServersFail(FleetMachines fleet, string server, bool areRepeated)
    {
        Action[] faults =
        [
            () => fleet.Kill(0),
            () => fleet.Serve(0),
            () => fleet.Cut(1),
            () => fleet.Kill(2),
            () =>
            {
                fleet.Mend(1);
                fleet.Serve(2);
            },
            fleet.Etcd.Kill,
            () => fleet.Kill(1),
            () => fleet.Etcd.StartAgain(),
            () =>
            {
                fleet.Serve(1);
                fleet.Stop(0);
            },
        ];
        using ServerProcess clients = fleet.Front.Start(0, ServerProcess.TestServers, ["add", server, $"{Clients}", $"{Calls}", .. areRepeated ? (string[])["once"] : []]);
        for (int i = 0; i < faults.Length; i++)
        {
            Eventually.Holds(() => clients.Output.Count > i || clients.HasExited, () => $"the clients have stopped after {string.Join(", ", clients.Output)}");
            faults[i]();
        }

        Assert.That(clients.WaitForExit(2 * Eventually.Deadline), Is.Zero, () => string.Join('\n', clients.Errors));
        Match counts = Counts().Match(clients.Output[^1]);
        long acknowledged = long.Parse(counts.Groups[1].Value, CultureInfo.InvariantCulture), unknown = long.Parse(counts.Groups[2].Value, CultureInfo.InvariantCulture), sum = fleet.Sum;
        TestContext.Out.WriteLine($"{clients.Output[^1]} ms, sum {sum}");
        Assert.That(acknowledged + unknown, Is.EqualTo(Clients * Calls));
        Assert.That(unknown, Is.AtMost(areRepeated ? MostUnknownIfShared : MostUnknown));
        Assert.That(sum, Is.InRange(acknowledged, acknowledged + unknown));
        fleet.Serve(0);
    }

    [GeneratedRegex("^acknowledged ([0-9]+) unknown ([0-9]+) ")]
    private static partial Regex Counts();
}
