using Multiplex.Load.Comparison;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>How far a comparison is: a bar for all of it and one for each scenario; a line for each scenario where nobody watches.</summary>
internal static class CompareProgressBars
{
    public static CompareReport Show(CompareOptions options, Func<Action<CompareProgress>, CompareReport> run)
    {
        if (Console.IsErrorRedirected)
            return run(LinePerScenario(options));
        return Terminal.Error.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .AutoClear(true)
            .Start(context => run(Bars(context)));
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

    private static Action<CompareProgress> Bars(ProgressContext context)
    {
        Dictionary<string, ProgressTask> tasks = [];
        return progress =>
        {
            string name = progress.Scenario?.Name ?? "trying the peers";
            if (!tasks.TryGetValue(name, out ProgressTask? task))
                tasks[name] = task = context.AddTask(Markup.Escape(name), maxValue: Math.Max(progress.Total, 1));
            task.Value = progress.Done;
            task.Description = Markup.Escape(progress.Done < progress.Total ? $"{name}: {progress.Run}" : name);
        };
    }
}
