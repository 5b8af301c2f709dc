using System.ComponentModel;
using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>The network namespace of another process, network_namespaces(7).</summary>
internal static partial class NetworkOf
{
    private const int CLONE_NEWNET = 0x4000_0000;

    /// <summary>Runs an action on a thread whose sockets are in that namespace: setns(2).</summary>
    public static T Run<T>(int process, Func<T> run) => OnItsThread.Run(() =>
    {
        int network = Syscall.open($"/proc/{process}/ns/net", OpenFlags.O_RDONLY);
        if (setns(network, CLONE_NEWNET) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "setns");
        Interop.Libc.close(network);
        return run();
    });

    /// <summary>Skips the test where no network namespace may be made.</summary>
    public static void RequireOne()
    {
        Tools.Require("ip");
        ProgramRun trial = ProgramRun.Of(Tools.Require("unshare"), ["--net", "--mount", "true"]);
        if (trial.Status != 0)
            Tools.Missing($"no network of its own may be made here: {string.Join(' ', trial.Errors)}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int nstype);
}
