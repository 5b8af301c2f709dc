using System.Net;
using System.Net.Sockets;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Sections;
using Multiplex.Load.Comparison.Usage;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>The caveats: reasons to trust figures less.</summary>
public class CaveatTests
{
    private static readonly RoundFigures s_sound = Reports.Figures(1000) with { ClientBusy = 0.5, OthersShare = 0.02, StolenShare = 0, OtherListeners = 0 };

    [Test]
    public void Sound_figures_have_none() => Assert.That(Of(s_sound, doubled: 1050), Is.Empty);

    [Test]
    public void A_busy_client_is_reported_and_twice_the_connections_then_say_nothing() =>
        Assert.That(Of(s_sound with { ClientBusy = 0.99 }, doubled: 2000), Is.EqualTo(new[] { new Caveat(CaveatKind.ClientBusy, 0.99) }));

    [Test]
    public void A_load_that_was_the_limit_is_reported_with_what_twice_the_connections_gave() =>
        Assert.That(Of(s_sound, doubled: 1500), Is.EqualTo(new[] { new Caveat(CaveatKind.LoadTooSmall, 0.5) }));

    [Test]
    public void Others_on_the_machine_are_reported() => Assert.That(
        Of(s_sound with { OthersShare = 0.3, StolenShare = 0.05 }, doubled: null),
        Is.EqualTo(new[] { new Caveat(CaveatKind.MachineShared, 0.3), new Caveat(CaveatKind.TimeStolen, 0.05) }));

    [Test]
    public void Another_listener_on_the_port_is_reported() =>
        Assert.That(Of(s_sound with { OtherListeners = 1 }, doubled: null), Is.EqualTo(new[] { new Caveat(CaveatKind.PortShared, 1) }));

    [Test]
    public void A_page_marks_the_server_and_says_why()
    {
        CompareReport report = Reports.Of(new PointReport(8, 0, "8 connections",
        [
            ServerResult.Of("poll", [s_sound, s_sound], new(), new(), doubled: 1500),
            ServerResult.Of("pool", [s_sound, s_sound], new(), new()),
        ]));
        Assert.That(ComparePage.Of(report), Does.Contain("twice the connections gave more by: poll 50%").And.Contain("†"));
    }

    [Test]
    public void A_socket_of_another_process_that_listens_on_the_port_is_found()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Assert.That(TcpSockets.OfOthersListening(port, Environment.ProcessId), Is.Zero);
        Assert.That(TcpSockets.OfOthersListening(port, 1), Is.EqualTo(1).Or.Null, "null where process 1 is another user's");
    }

    [Test]
    public void The_machine_is_never_used_by_a_negative_share()
    {
        MachineUse use = MachineUse.Now();
        Assert.That(use.AllS, Is.Positive);
        Assert.That(use.Since(use).OthersShare(0), Is.Null);
        Assert.That(new MachineUse(WorkingS: 1, StolenS: 0.5, AllS: 4, ClientS: 0.8).OthersShare(0.3), Is.Zero);
        Assert.That(new MachineUse(WorkingS: 3, StolenS: 0.5, AllS: 4, ClientS: 0.5).OthersShare(0.5), Is.EqualTo(0.5));
        Assert.That(new MachineUse(WorkingS: 3, StolenS: 0.5, AllS: 4, ClientS: 0.5).StolenShare, Is.EqualTo(0.125));
    }

    private static IEnumerable<Caveat> Of(RoundFigures round, double? doubled) =>
        ServerResult.Of("poll", [round, round, round], new(), new(), doubled: doubled).Caveats;
}
