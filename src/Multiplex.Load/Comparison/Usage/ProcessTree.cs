using System.Globalization;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>A process, from proc(5).</summary>
/// <param name="Id">Its id.</param>
/// <param name="Parent">Its parent's id.</param>
/// <param name="IsZombie">Whether it has ended, and its parent has not waited for it.</param>
/// <param name="ReapedTicks">CPU time of its children that have ended and that it has waited for, in clock ticks.</param>
internal readonly record struct ProcessEntry(int Id, int Parent, bool IsZombie, long ReapedTicks);

/// <summary>A process and its descendants.</summary>
internal static class ProcessTree
{
    /// <summary>The process and all its descendants that have not ended.</summary>
    public static IReadOnlyList<int> Of(int pid)
    {
        ILookup<int, int> children = All().Where(process => !process.IsZombie).ToLookup(process => process.Parent, process => process.Id);
        List<int> tree = [pid];
        for (int i = 0; i < tree.Count; i++)
            tree.AddRange(children[tree[i]]);
        return tree;
    }

    /// <summary>The number of zombies among the descendants of a process: they have ended, and no parent has waited for them.</summary>
    public static int ZombiesOf(int pid)
    {
        IReadOnlyList<int> tree = Of(pid);
        return All().Count(process => process.IsZombie && tree.Contains(process.Parent));
    }

    /// <summary>The processes that have not ended and whose environment, as it was when their program started, has this entry.</summary>
    /// <param name="entry">NAME=VALUE.</param>
    public static IReadOnlyList<int> WithEnvironment(string entry) =>
        [.. All().Where(process => !process.IsZombie && EnvironmentOf(process.Id).Split('\0').Contains(entry)).Select(process => process.Id)];

    /// <summary>The ids of a process's threads; none when it has ended.</summary>
    public static int[] ThreadsOf(int pid)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{pid}/task").Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>Whether every thread of a process and of its descendants sleeps: none runs, is about to run, or is stopped by a tracer.</summary>
    public static bool IsAsleep(int pid) => Of(pid).All(process => ThreadsOf(process).All(thread => StatOf($"{process}/task/{thread}") is not [("R" or "t" or "T"), ..]));

    /// <summary>Whether a process has not ended.</summary>
    public static bool IsAlive(int pid) => Find(pid) is { IsZombie: false };

    /// <summary>The process of this id, or null.</summary>
    public static ProcessEntry? Find(int pid)
    {
        const int State = 0, Parent = 1, ChildrensUserTime = 13, ChildrensSystemTime = 14;
        if (StatOf($"{pid}") is not { } fields)
            return null;
        long Number(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture);
        return new(pid, (int)Number(Parent), fields[State] == "Z", Number(ChildrensUserTime) + Number(ChildrensSystemTime));
    }

    // The fields from the state on; null when the process or thread has ended. Before them stand its id and (name), which may contain anything: so they are counted
    // from behind the last parenthesis.
    private static string[]? StatOf(string task)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{task}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string EnvironmentOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";   // it ended in between, or is another user's
        }
    }

    private static IEnumerable<ProcessEntry> All() =>
        from directory in Directory.EnumerateDirectories("/proc")
        let process = int.TryParse(Path.GetFileName(directory), out int pid) ? Find(pid) : null
        where process is not null
        select process.Value;
}
