using System.Runtime;
using Multiplex.Interop;

namespace Multiplex.Forking;

/// <summary>
/// Makes this process one that may call fork(2). fork copies the calling thread alone; what another thread was in the middle
/// of stays half done in the child. Three things follow for a process of the .NET runtime.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>It is compiled ahead of time (<c>PublishAot</c>). A runtime that compiles while it runs keeps its code in a shared
/// mapping, which a child would overwrite, and has a compiler thread that may hold a lock at the fork.</item>
/// <item>Its signals are blocked in every thread: see <see cref="BlockedSignals"/>.</item>
/// <item>The runtime's own finalizer thread sleeps at each fork: see <see cref="FinalizerThread"/>.</item>
/// </list>
/// </remarks>
public static class ForkRuntime
{
    /// <summary>Makes this process one that may fork: see <see cref="BlockedSignals.Enter"/>. Call it before anything else is done.</summary>
    /// <exception cref="NotSupportedException">The program is compiled while it runs: publish it with <c>PublishAot</c>.</exception>
    /// <exception cref="SyscallException">execve(2) failed.</exception>
    /// <exception cref="IOException">The process was started anew, and its signals are not blocked all the same.</exception>
    public static void Enter()
    {
        RequireNative();
        BlockedSignals.Enter();
    }

    /// <summary>Whether this program is compiled ahead of time. A native program has no compiler, so nothing was compiled by it.</summary>
    internal static bool IsNative => JitInfo.GetCompiledMethodCount() == 0;

    /// <summary>For the start of a model that forks.</summary>
    /// <exception cref="NotSupportedException">The program is compiled while it runs, or the protocol needs other threads, or has TLS.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Enter"/> was not called.</exception>
    internal static void Require(IProtocol protocol)
    {
        if (protocol.AnswersLate)
            throw new NotSupportedException("async procedures and a reply store need threads, of which fork(2) copies the calling one alone: choose a model that does not fork, such as epoll");
        if (protocol.Tls is not null)
            throw new NotSupportedException("models that fork do not have TLS: each child would have a copy of the keys; use a model that does not fork");
        Require();
    }

    /// <summary>For a process that forks.</summary>
    /// <exception cref="NotSupportedException">The program is compiled while it runs.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Enter"/> was not called.</exception>
    internal static void Require()
    {
        RequireNative();
        if (!BlockedSignals.AreInEveryThread)
            throw new InvalidOperationException("call ForkRuntime.Enter() at the start of a program that forks");
    }

    /// <summary>Throws where a child would not live.</summary>
    /// <exception cref="NotSupportedException">The program is compiled while it runs.</exception>
    internal static void RequireNative()
    {
        if (!IsNative)
            throw new NotSupportedException("fork(2) needs a program that is compiled ahead of time: publish it with PublishAot");
    }
}
