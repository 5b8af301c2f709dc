using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>A file system of its own, ext4 in a file, that is mounted on a directory.</summary>
internal sealed class LoopDisk : IDisposable
{
    private readonly string _directory;
    private bool _isFrozen;

    /// <summary>Makes it.</summary>
    /// <param name="image">The file that holds it: 64 MiB, and sparse.</param>
    /// <param name="directory">Where it is mounted.</param>
    public LoopDisk(string image, string directory)
    {
        RequireOne();
        _directory = directory;
        Run("truncate", "-s", "64M", image);
        Run("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=1", "-O", "^has_journal", image);
        Run("mount", "-o", "loop", image, directory);
    }

    /// <summary>Skips the test where none can be made.</summary>
    public static void RequireOne()
    {
        if (Mono.Unix.Native.Syscall.geteuid() != 0 || !File.Exists("/dev/loop-control"))
            Assert.Ignore("only root mounts file systems, and only where there are loop devices");
    }

    /// <summary>Blocks all changes to it: fsfreeze(8).</summary>
    public void Freeze()
    {
        _isFrozen = true;
        Run("fsfreeze", "--freeze", _directory);
    }

    /// <summary>Ends that.</summary>
    public void Thaw()
    {
        Run("fsfreeze", "--unfreeze", _directory);
        _isFrozen = false;
    }

    public void Dispose()
    {
        if (_isFrozen)
            Thaw();
        Run("umount", "--lazy", _directory);
    }

    private static void Run(string program, params string[] arguments) => ProgramRun.Successfully(Tools.Require(program), arguments);
}
