using System.ComponentModel;
using System.Runtime.InteropServices;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>Runs an action as another user, on a thread of its own: in the kernel each thread has its user.</summary>
internal static partial class AsUser
{
    /// <summary>The user that owns nothing.</summary>
    public const uint Nobody = 65_534;

    /// <summary>Runs an action as a user; skips the test if this process is not root.</summary>
    public static T Run<T>(uint user, Func<T> run)
    {
        if (geteuid() != 0)
            Assert.Ignore("only root may become another user");
        return OnItsThread.Run(() =>
        {
            // Not setresuid(3): that changes the users of all threads.
            const int OnX64 = 117, OnArm64 = 147;
            int setresuid = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? OnX64 : OnArm64;
            if (syscall(setresuid, (int)user, (int)user, (int)user) != 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "setresuid");
            return run();
        });
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint real, nint effective, nint saved);
}
