using System.Text;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>The secret by which a server recognizes its own handles. It is kept in a file, so that handles stay valid after a restart.</summary>
internal static class HandleKey
{
    private const string FileName = "nfs-handle-key";

    /// <summary>
    /// The default directory of servers' state: $STATE_DIRECTORY, which systemd sets; or else /var/lib/multiplex for root, and for other users $XDG_STATE_HOME/multiplex
    /// or ~/.local/state/multiplex.
    /// </summary>
    public static string UsualDirectory
    {
        get
        {
            if (Environment.GetEnvironmentVariable("STATE_DIRECTORY") is { Length: > 0 } given)
                return given.Split(':')[0];
            if (geteuid() == 0)
                return "/var/lib/multiplex";
            string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
            return Path.Combine(
                string.IsNullOrEmpty(state) ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local/state") : state, "multiplex");
        }
    }

    /// <summary>Reads the key in a directory, or makes one there. Servers that start at the same time all get the same key.</summary>
    /// <param name="directory">The directory; it is made with mode 0700 if it does not exist.</param>
    /// <exception cref="SyscallException">The file cannot be written or read.</exception>
    /// <exception cref="IOException">The directory cannot be made, or the file has no key.</exception>
    public static byte[] In(string directory)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(directory)) ?? "/");
        SyscallResult made = mkdirat(AT_FDCWD, Bytes(directory), 0x1C0 /* rwx------ */);
        if (!made.Is(EEXIST))
            made.OrThrow("mkdir", directory);
        string path = Path.Combine(directory, FileName);
        SyscallResult opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (opened.Is(ENOENT))
        {
            Make(path);
            opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        }

        int fd = opened.OrThrow("open", path);
        try
        {
            byte[] key = new byte[SipHash.KeyLength];
            if (read(fd, key).OrThrow("read", path) != key.Length)
                throw new IOException($"{path} is shorter than a key: remove it to have another made; clients must mount anew then");
            return key;
        }
        finally
        {
            close(fd);
        }
    }

    // Written under another name and linked: the file exists whole or not at all, and of several servers the first one makes it.
    private static void Make(string path)
    {
        byte[] key = new byte[SipHash.KeyLength];
        getrandom(key).OrThrow("getrandom");
        string temporary = $"{path}.{Guid.NewGuid():N}";
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0x100 /* r-------- */).OrThrow("open", temporary);
        try
        {
            write(fd, key).OrThrow("write", temporary);
            fsync(fd).OrThrow("fsync", temporary);
            SyscallResult linked = linkat(AT_FDCWD, Bytes(temporary), AT_FDCWD, Bytes(path), 0);
            if (!linked.Is(EEXIST))
                linked.OrThrow("link", path);
        }
        finally
        {
            close(fd);
            unlink(temporary);
        }
    }

    private static byte[] Bytes(string path) => Encoding.UTF8.GetBytes(path + '\0');
}
