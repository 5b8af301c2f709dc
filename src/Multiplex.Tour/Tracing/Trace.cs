using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>
/// Makes system calls for a lesson and records each as strace(1) prints it, with its result. The methods have the names and arguments of the
/// calls; a call that fails unexpectedly ends the lesson. Descriptors are closed after each step.
/// </summary>
/// <remarks>
/// The calls are extension methods, one class for each group: <see cref="SocketCalls"/>, <see cref="ByteCalls"/>, <see cref="MessageCalls"/> and
/// <see cref="WaitCalls"/>. The calls of processes are methods of this class, because a child records into a copy of the trace. Each call on a socket waits at
/// most <see cref="LongestWait"/>, by SO_RCVTIMEO and SO_SNDTIMEO, which are not printed.
/// </remarks>
public sealed partial class Trace
{
    /// <summary>The limit on how long any call of a lesson waits. On a working machine every call is much shorter.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // The name of a thread beside the lesson's own, for its lines.
    [ThreadStatic]
    private static string? t_by;

    private readonly Lock _lock = new();
    private readonly List<TraceLine> _lines = [];
    private readonly HashSet<int> _open = [];
    private readonly Dictionary<int, string> _roles = [];   // what the lesson calls a descriptor, such as "listener"
    private readonly Action<TraceLine> _show;

    /// <summary>Records, and shows each line as soon as it is known.</summary>
    /// <param name="show">Called with each line; null shows nothing.</param>
    public Trace(Action<TraceLine>? show = null) => _show = show ?? (static _ => { });

    /// <summary>All lines so far.</summary>
    public IReadOnlyList<TraceLine> Lines => _lines;

    /// <summary>Writes the title and the questions of a lesson.</summary>
    internal void Begin(Lesson lesson)
    {
        Add(new(LineKind.Title, $"{lesson.Name}: {lesson.Title}"));
        foreach (Question question in lesson.Questions)
            Add(new(LineKind.Question, question.Text));
    }

    /// <summary>Writes the answers.</summary>
    internal void End(Lesson lesson)
    {
        foreach (Question question in lesson.Questions)
            Add(new(LineKind.Answer, $"{question.Text}\n{question.Answer}"));
    }

    /// <summary>Begins a step.</summary>
    internal void Step(string title) => Add(new(LineKind.Step, title));

    /// <summary>Explains.</summary>
    internal void Say(string text) => Add(new(LineKind.Prose, text));

    /// <summary>Shows something that is not a call.</summary>
    internal void Show(string text) => Add(new(LineKind.Exhibit, text));

    /// <summary>Ends the lesson unless a claim of the lesson holds.</summary>
    /// <param name="holds">Whether the claim holds.</param>
    /// <param name="claim">The claim.</param>
    internal static void Check(bool holds, string claim)
    {
        if (!holds)
            throw new LessonException($"the lesson says that {claim}, and here it is not so");
    }

    /// <summary>Closes the descriptors that a step has left open, without recording it.</summary>
    internal void CloseAll()
    {
        foreach (int fd in _open)
            Libc.close(fd);
        _open.Clear();
        _roles.Clear();
    }

    /// <summary>
    /// Begins a call for which another thread may wait, such as send(2). No other thread records a line until the result is disposed of, which is when the call has its line:
    /// so what a thread has received stands behind the line of what was sent.
    /// </summary>
    internal Lock.Scope BeginCall() => _lock.EnterScope();

    /// <summary>Records a call. Its result must be the expected one: success, or exactly this error.</summary>
    internal SyscallResult Record(string call, string arguments, SyscallResult result, Fails? fails, byte[]? data = null)
    {
        string text = result.IsError
            ? $"{call}({arguments}) = -1 {ErrnoText.Name(result.Errno)} ({ErrnoText.Description(result.Errno)})"
            : $"{call}({arguments}) = {result.Value}";
        Add(new(LineKind.Call, text) { Call = call, Result = result, Data = data ?? [] });
        if (result.Errno != (fails?.Errno ?? 0))
            throw new LessonException($"{text}: the lesson expected {(fails is null ? "a success" : ErrnoText.Name(fails.Errno))}");
        if (fails is not null)
            Add(new(LineKind.Meaning, fails.Meaning));
        return result;
    }

    /// <summary>The descriptor that a call returned, which is closed after the step; -1 if the call failed.</summary>
    internal int Owned(SyscallResult result, bool isSocket = true)
    {
        if (result.IsError)
            return -1;
        int fd = (int)result.Value;
        lock (_lock)
        {
            _open.Add(fd);
        }

        if (isSocket)
        {
            timeval limit = new() { tv_sec = (long)LongestWait.TotalSeconds };
            Libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit).OrThrow("setsockopt SO_RCVTIMEO");
            Libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit).OrThrow("setsockopt SO_SNDTIMEO");
        }

        return fd;
    }

    /// <summary>The lesson closes the descriptor itself.</summary>
    internal void Disown(int fd)
    {
        lock (_lock)
        {
            _open.Remove(fd);
            _roles.Remove(fd);
        }
    }

    /// <summary>A descriptor as strace -y prints it, with a word for what it is: the name of the lesson's variable.</summary>
    internal string Fd(int fd, string expression = "")
    {
        lock (_lock)
        {
            string name = expression.TrimStart('_');
            if (name.Length > 0 && name != nameof(fd) && name.All(char.IsAsciiLetter))
                _roles[fd] = name;
            return _roles.TryGetValue(fd, out string? role) ? $"{fd}<{role}>" : $"{fd}";
        }
    }

    /// <summary>Adds a line, and shows it.</summary>
    internal void Add(TraceLine line)
    {
        if (t_by is { } by)
            line = line with { By = by };
        lock (_lock)
        {
            _lines.Add(line);
            if (!_isChild)
                _show(line);
        }
    }
}
