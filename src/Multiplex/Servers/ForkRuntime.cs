using Multiplex.Interop;

namespace Multiplex.Servers;

/// <summary>
/// Makes the .NET runtime one that survives fork(2). fork copies the calling thread alone, so whatever another thread was
/// in the middle of stays half done in the child for ever. What has to be otherwise, only the environment and the signal
/// mask at the start of the process can say: a process that is to fork starts itself once more.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>W^X off: the runtime otherwise keeps its code in a shared mapping, and what a child compiles overwrites code that
/// the parent runs.</item>
/// <item>Tiered compilation off: its background thread may hold a lock at the moment of the fork, for which the child
/// would wait for ever.</item>
/// <item>Concurrent collection off, for the same reason; and a small heap, because fork copies a page table entry for
/// each page in use, and the child copies each page that it touches.</item>
/// <item>The runtime's own finalizer thread asleep at each fork: see <see cref="FinalizerThread"/>.</item>
/// <item>Its signals blocked in every thread: see <see cref="BlockedSignals"/>.</item>
/// </list>
/// </remarks>
public static class ForkRuntime
{
    private static readonly (string Name, string Value)[] s_settings =
    [
        ("DOTNET_EnableWriteXorExecute", "0"),
        ("DOTNET_TieredCompilation", "0"),
        ("DOTNET_gcConcurrent", "0"),
        ("DOTNET_GCgen0size", "40000"),   // hexadecimal: 256 KiB before the first collection
        ("DOTNET_EnableDiagnostics", "0"),   // no diagnostics server thread
    ];

    /// <summary>Whether this process was started in the way that forking needs.</summary>
    public static bool IsPrepared => BlockedSignals.AreInEveryThread && BlockedSignals.AreSet(s_settings);

    /// <summary>Makes this process a prepared one: see <see cref="BlockedSignals.Enter"/>. Call it before anything else is done.</summary>
    /// <exception cref="SyscallException">execve(2) failed.</exception>
    /// <exception cref="IOException">The process was started anew, and is not prepared all the same.</exception>
    public static void Enter() => BlockedSignals.Enter(s_settings);
}
