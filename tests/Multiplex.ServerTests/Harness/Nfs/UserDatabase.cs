using System.Text;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>Users and groups that a program sees in place of this machine's: in a mount namespace of its own, files of the test are mounted over passwd(5) and group(5).</summary>
internal sealed class UserDatabase : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("multiplex-users-").FullName;
    private readonly StringBuilder _users = new(File.ReadAllText("/etc/passwd"));

    public UserDatabase()
    {
        File.Copy("/etc/passwd", Passwd);
        File.Copy("/etc/group", Group);
    }

    /// <summary>The command that runs a program so.</summary>
    public string[] Command =>
    [
        Tools.Require("unshare"), "--mount", "sh", "-c", $"mount --bind {Passwd} /etc/passwd && mount --bind {Group} /etc/group && exec \"$@\"", "sh",
    ];

    private string Passwd => Path.Combine(_folder, "passwd");

    private string Group => Path.Combine(_folder, "group");

    /// <summary>Adds a user with these groups and its own, and removes all users added before.</summary>
    public void Add(uint uid, string name, IEnumerable<int> groups)
    {
        // The inode stays the same: that is what is mounted.
        File.WriteAllText(Passwd, $"{_users}{name}:x:{uid}:{uid}::/:/bin/sh\n");
        File.WriteAllText(Group, $"{File.ReadAllText("/etc/group")}{string.Concat(groups.Select(group => group == 0 ? $"wheel:x:0:{name}\n" : $"g{group}:x:{group}:{name}\n"))}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
