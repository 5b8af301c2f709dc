using Multiplex.Load.Pages;

namespace Multiplex.Load.Comparison.Page;

/// <summary>How the figures came about, and how far they reach.</summary>
internal static class MethodSection
{
    public static Html Of(CompareReport report) => Html.Of($"""
        <section id="method"><h2>How this was measured</h2>
        <p>Each server is a process of its own, started anew for each run, loaded for {report.WarmupS:0.###} s without measuring and then for {report.DurationS:0.###} s, and stopped. The servers take turns, round after round, so that what disturbs the machine for a while disturbs all of them. The client runs on the same machine and checks every byte of every reply.</p>
        <p>A figure is the median over the rounds. Its spread is half of what lies between the least and the greatest round. <strong>A lead counts only when two medians lie further apart than both spreads together</strong>; otherwise the two are called level. {Chance(report.Rounds)}</p>
        <p>CPU time and context switches are those of all processes and threads of the server, ended ones included, by the second under load over the replies a second. Memory is the proportional set size: what processes share is divided among them. What the shell of a peer uses counts as the peer's.</p>
        <p>A latency in a closed loop is that of a call that was made: a server that stalls is asked less while it does. In the open loop of <em>overload</em> it counts from the moment that the call was due.</p>
        <p>All figures of all rounds are in report.json beside this page ({report.Schema}).</p>
        </section>

        """);

    // The chance that all of one server's rounds lie to one side of all of another's, though the two are the same.
    private static string Chance(int rounds) => rounds switch
    {
        1 => "A single round has no spread, so nothing is called a lead here.",
        2 => "With two rounds that can happen by chance once in three times, so take it for a hint; --rounds 5 tells more.",
        3 => "With three rounds that can happen by chance once in ten times; --rounds 5 tells more.",
        _ => "",
    };
}
