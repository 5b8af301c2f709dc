using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>File systems of their own, in memory, that are mounted on directories.</summary>
internal sealed class TmpfsMounts : IDisposable
{
    private readonly Stack<string> _mounted = [];

    /// <summary>Makes them, and the directories.</summary>
    public TmpfsMounts(params string[] directories)
    {
        if (Mono.Unix.Native.Syscall.geteuid() != 0)
            Assert.Ignore("only root mounts file systems");
        foreach (string directory in directories)
        {
            Directory.CreateDirectory(directory);
            ProgramRun.Successfully(Tools.Require("mount"), ["-t", "tmpfs", "-o", "size=8M", "tmpfs", directory]);
            _mounted.Push(directory);
        }
    }

    public void Dispose()
    {
        while (_mounted.TryPop(out string? directory))
            ProgramRun.Successfully(Tools.Require("umount"), ["--lazy", directory]);
    }
}
