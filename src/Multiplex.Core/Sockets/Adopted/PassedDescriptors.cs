using System.Globalization;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Adopted;

/// <summary>
/// Descriptors that a service manager passed to this process, from 3 on, and their names: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES of
/// sd_listen_fds(3). systemd calls those without a name <c>unknown</c>.
/// </summary>
public sealed class PassedDescriptors
{
    private const int First = 3;
    private const string Process = "LISTEN_PID", Count = "LISTEN_FDS", Names = "LISTEN_FDNAMES", Unnamed = "unknown";

    private readonly List<(int Descriptor, string Name)> _left;
    private readonly string? _none;

    private PassedDescriptors(List<(int Descriptor, string Name)> left, string? none) => (_left, _none) = (left, none);

    /// <summary>Those that are not taken yet, each with its name, in their order.</summary>
    public IReadOnlyList<(int Descriptor, string Name)> Left => _left;

    /// <summary>
    /// Takes what was passed to this process. The variables are removed from its environment, and the descriptors are not kept across execve(2): a child that it
    /// starts has neither.
    /// </summary>
    /// <exception cref="IOException">The variables contradict each other, or a descriptor is not there.</exception>
    public static PassedDescriptors Take()
    {
        (string? process, string? count, string? names) = (Removed(Process), Removed(Count), Removed(Names));
        if (count is null || process is null)
            return new([], $"{Count} and {Process} are not set: start it by a service manager that listens, such as systemd by a socket unit");
        string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        if (process != own)
            return new([], $"{Process} is {process}, and this is process {own}: the descriptors were passed to another one");
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > 100_000)
            throw new IOException($"{Count}={count}: it is the number of descriptors, from 1 on");
        string[] called = names?.Split(':') ?? [.. Enumerable.Repeat(Unnamed, number)];
        if (called.Length != number)
            throw new IOException($"{Names} has {called.Length} names, and {Count} says {number}");
        List<(int Descriptor, string Name)> passed = [];
        for (int i = 0; i < number; i++)
        {
            fcntl(First + i, F_SETFD, FD_CLOEXEC).OrThrow("fcntl F_SETFD", $"descriptor {First + i} of {Count}={count}");
            passed.Add((First + i, called[i].Length == 0 ? Unnamed : called[i]));
        }

        return new(passed, null);
    }

    /// <summary>Takes the descriptors of a name, which are the caller's from now on.</summary>
    public IReadOnlyList<int> TakeNamed(string name)
    {
        int[] taken = [.. from one in _left where one.Name == name select one.Descriptor];
        _left.RemoveAll(one => one.Name == name);
        return taken;
    }

    /// <summary>Why there is no descriptor of a name.</summary>
    public string WhyNone(string name) =>
        _none ?? $"no descriptor is called {name}: {(_left.Count > 0 ? $"there is {string.Join(", ", _left.Select(one => one.Name).Distinct())}" : "all are taken")}";

    /// <summary>Closes those that were not taken.</summary>
    /// <param name="closing">Called with the descriptor and the name of each.</param>
    public void CloseLeft(Action<int, string> closing)
    {
        foreach ((int descriptor, string name) in _left)
        {
            closing(descriptor, name);
            close(descriptor);
        }

        _left.Clear();
    }

    private static string? Removed(string variable)
    {
        string? value = Environment.GetEnvironmentVariable(variable);
        if (value is not null)
            Environment.SetEnvironmentVariable(variable, null);
        return value is "" ? null : value;
    }
}
