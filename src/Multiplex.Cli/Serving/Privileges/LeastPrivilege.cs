using Multiplex.Cli.Options;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Interop;
using Multiplex.Models;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Privileges;

/// <summary>
/// What a server gives up once its sockets and files are open: root's files, root's user, and the right to gain privileges. Threads and processes that begin
/// later have no more than this one.
/// </summary>
internal sealed class LeastPrivilege
{
    private const int LastCapability = 63;

    // What nfs needs to act as its callers, to make what they make, and to use the blocks that are reserved for root; and what a name service may ask for.
    private static readonly int[] s_capabilitiesOfNfs =
    [
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_SETGID, CAP_SETUID, CAP_NET_BIND_SERVICE, CAP_SYS_RESOURCE, CAP_MKNOD,
    ];

    private readonly Account? _account;
    private readonly string? _root;
    private readonly bool _isNfs;

    private LeastPrivilege(Account? account, string? root, bool isNfs) => (_account, _root, _isNfs) = (account, root, isNfs);

    /// <summary>What the options ask for.</summary>
    /// <exception cref="UsageException">It cannot be had together, or not by this user.</exception>
    public static LeastPrivilege Of(ServeOptions options, ServerModelEntry model, ProtocolEntry protocol)
    {
        Account? account = options.User is null ? null : Values.Parsed("--user", options.User, Account.Parse);
        bool isNfs = protocol.Name == ProtocolCatalog.Nfs;
        if (account is not null && isNfs)
            throw new UsageException($"--user {options.User}: nfs acts as its callers, which takes root's privileges; start the command as that user, and it serves exports with all_squash");
        if (account is not null && geteuid() != 0 && account.User != geteuid())
            throw new UsageException($"--user {options.User}: only root may become another user");
        if (options.Chroot is { } root)
        {
            if (isNfs)
                throw new UsageException($"--chroot {root}: nfs reads users, mounts and exports outside; it serves nothing but its exports as it is");
            if (options.Register || options.NameServiceAt is not null)
                throw new UsageException($"--chroot {root}: the name service is asked again and again, by a socket outside; leave --register out, and register otherwise");
            if (options.RegisterAt is not null)
                throw new UsageException($"--chroot {root}: the process that registers the server in an engine is started from a file outside; leave --register-at out, and register otherwise");
            if (geteuid() != 0)
                throw new UsageException($"--chroot {root}: only root may do that");
            if (!Directory.Exists(root))
                throw new UsageException($"--chroot {root}: there is no such directory");
            if (model.Forks && !Directory.Exists(Path.Combine(root, "proc/self")))
                throw new UsageException($"--chroot {root}: {model.Name} forks, and looks at its threads in /proc: mount it at {Path.Combine(root, "proc")}, or choose a model that does not fork");
        }

        return new(account, options.Chroot, isNfs);
    }

    /// <summary>Whether the server goes on as root, without a need.</summary>
    public bool StaysRoot => _account is null or { User: 0 } && !_isNfs && geteuid() == 0;

    /// <summary>Gives up what is not needed any more: chroot(2), then the calling thread's capabilities, then the user and the groups in every thread.</summary>
    /// <exception cref="SyscallException">The kernel refuses one of them.</exception>
    public void Enter()
    {
        if (_root is not null)
        {
            chroot(_root).OrThrow("chroot", _root);
            chdir("/").OrThrow("chdir", "/");
        }

        DropCapabilities();
        if (_account is not null && geteuid() == 0)
            Become(_account);
        prctl(PR_SET_NO_NEW_PRIVS, 1).OrThrow("prctl PR_SET_NO_NEW_PRIVS");
    }

    /// <summary>Says that the server is root, if it is without a need.</summary>
    public void Warn()
    {
        if (StaysRoot)
            Log.Warning("as_root", "the server runs as root, and a fault in it has root's rights: write --user NAME, and it is that user once its sockets are open");
    }

    // The groups first: another user may not set them. The kernel drops the capabilities with the last of root's user ids.
    private static void Become(Account account)
    {
        setgroups(account.Groups).OrThrow("setgroups");
        setresgid(account.Group, account.Group, account.Group).OrThrow("setresgid");
        setresuid(account.User, account.User, account.User).OrThrow("setresuid");
        if (account.User != 0 && !setresuid(0, 0, 0).IsError)
            throw new IOException("the server could become root again: it does not serve");
    }

    // The bounding set is what execve(2) could gain again; of a process that is not root, or has less already, the kernel refuses to drop, and there is nothing to.
    private void DropCapabilities()
    {
        for (int capability = 0; capability <= LastCapability; capability++)
            _ = prctl(PR_CAPBSET_DROP, (nuint)capability);
        _ = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
        if (!_isNfs || geteuid() != 0)
            return;
        capget(out _, out ulong permitted, out _).OrThrow("capget");
        ulong kept = permitted & s_capabilitiesOfNfs.Aggregate(0UL, (set, one) => set | (1UL << one));
        capset(kept, kept, 0).OrThrow("capset");
    }
}
