using Multiplex.Load.Comparison;
using Spectre.Console;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Output;

/// <summary>The progress of a comparison: on a terminal a bar for all of it and one for each scenario, else a line for each scenario.</summary>
internal static class CompareProgressBars
{
    private const int WidthOfBars = 70;   // room for the name of what runs now, and for a bar long enough to read

    // Rarely, because drawing uses CPU time of the measured machine.
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(500);

    public static CompareReport Show(CompareOptions options, Func<Action<CompareProgress>, CompareReport> run)
    {
        if (Console.IsErrorRedirected)
            return run(LinePerScenario(options));
        Progress progress = Terminal.Error.Progress();
        progress.RefreshRate = s_refresh;
        bool isNarrow = Terminal.WidthOf(STDERR_FILENO) < WidthOfBars;
        TaskDescriptionColumn description = new() { Alignment = Justify.Left };
        return progress
            .Columns(isNarrow ? [description, new PercentageColumn()] : [description, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()])
            .AutoClear(true)
            .Start(context => run(Bars(context, options.Scenarios.Count, isNarrow)));
    }

    private static Action<CompareProgress> LinePerScenario(CompareOptions options)
    {
        int number = 0;
        Scenario? last = null;
        return progress =>
        {
            if (progress.Scenario is null || progress.Scenario == last)
                return;
            last = progress.Scenario;
            StandardStream.Error.WriteLine($"scenario {++number} of {options.Scenarios.Count}, {last.Name}: {progress.Total} runs");
        };
    }

    private static Action<CompareProgress> Bars(ProgressContext context, int scenarios, bool isNarrow)
    {
        const string Peers = "trying the peers";
        ProgressTask all = context.AddTask("all", maxValue: scenarios);
        Dictionary<string, ProgressTask> tasks = [];
        return progress =>
        {
            string name = progress.Scenario?.Name ?? Peers;
            if (!tasks.TryGetValue(name, out ProgressTask? task))
                tasks[name] = task = context.AddTask(Markup.Escape(name), maxValue: Math.Max(progress.Total, 1));
            task.Value = progress.Done;
            task.Description = Markup.Escape(progress.Done < progress.Total && !isNarrow ? $"{name}: {progress.Run}" : name);
            all.Value = tasks.Where(one => one.Key != Peers).Sum(one => one.Value.Value / one.Value.MaxValue);
        };
    }
}
