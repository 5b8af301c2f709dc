using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The method of measurement, and its limits.</summary>
internal static class MethodSection
{
    public static Html Of(CompareReport report) => Html.Of($"""
        <section id="method"><h2>How this was measured</h2>
        <p>Each server is a process of its own, started anew for each run, loaded for {report.WarmupS:0.###} s without measuring and then for {report.RunInWords}, and stopped. The servers take turns, round after round, so that what disturbs the machine for a while disturbs all of them. The client runs on the same machine and checks every byte of every reply.</p>
        <p>A figure is the median over the rounds; ± is half of what lies between the least and the greatest round. Servers are compared by the <strong>ratio of their figures within each round</strong>, as what disturbs a round disturbs all in it. The ratio's interval has the true one in 95 cases of 100 (bootstrap, widened for few rounds). <strong>A server leads when its ratio differs from 1 by {Judge.LeastPercent}% or more and a test of the rounds (Student's, a tenth trimmed at either end) finds that unlikely by chance, corrected for all pairs of servers in this report (Holm)</strong>: with no difference anywhere, 49 reports of 50 name no lead. Servers are level when the interval lies within ±{Judge.LevelPercent}%; else they are too noisy to rank, and more rounds would tell (--rounds auto). {Rounds(report)}</p>
        <p>In the tables <span class="best">green</span> is a server that leads in one of the two figures that its scenario is judged by; nothing is green where no server leads. A dash stands for what could not be known.</p>
        <p>CPU time and context switches are those of all processes and threads of the server, ended ones included, over the replies that came meanwhile. Memory is the proportional set size: what processes share is divided among them. What the shell of a peer uses counts as the peer's.</p>
        <p>A latency in a closed loop is that of a call that was made: a server that stalls is asked less while it does. In the open loop of <em>overload</em> it counts from the moment that the call was due.</p>
        <p>System calls, page faults and instructions are counted by the kernel (perf_event_open(2), all threads and children of the server) in a run of their own after the rounds, because counting takes time. {report.NotCounted.Select(one => Html.Of($"{Metric.Find(one.Key).Title} could not be counted: {one.Value}. "))}A † marks figures to be trusted less: another run with twice the connections gave more, the client worked all the time, other processes or the hypervisor used the machine, or another process listened on the port.</p>
        {NoFlameGraphs(report)}<p class="soft">{Environment(report)}</p>
        <p>All figures of all rounds are in report.json beside this page ({report.Schema}).</p>
        </section>

        """);

    private static Html NoFlameGraphs(CompareReport report) => report.WhyNoFlameGraphs is null ? Html.None : Html.Of($"""
        <p class="worse">There are no flame graphs: {report.WhyNoFlameGraphs}.</p>

        """);

    private static string Environment(CompareReport report)
    {
        MachineReport machine = report.Environment;
        return $"Commit {machine.Commit ?? "not known"}; governor {machine.Governor ?? "none"}; load average {report.LoadAverage:0.##} at the beginning; "
            + $"{machine.OpenFiles} descriptors, somaxconn {machine.Somaxconn}, local ports {machine.LocalPorts}.";
    }

    private static string Rounds(CompareReport report) =>
        report.Rounds == 1 ? "A single round cannot tell a lead from chance, so no lead is stated."
        : report.RoundsAuto ? "Each point had rounds until the ratios to the best were known to 3%, 20 at most."
        : "";
}
