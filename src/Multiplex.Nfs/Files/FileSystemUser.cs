using System.Globalization;
using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>
/// The user whose rights the kernel checks for the calling thread: the caller of the procedure that it runs, so that the kernel decides what the caller may do.
/// It is set only when it changes.
/// </summary>
internal sealed class FileSystemUser
{
    private const int CapSetGid = 6, CapSetUid = 7;   // linux/capability.h

    private const int MostGroups = RpcConstants.MaxGroups;

    [ThreadStatic]
    private static FileSystemUser? t_current;

    private readonly nuint _deathSignal = DeathSignal();
    private readonly int _parent = getppid();
    private uint[] _groups = new uint[MostGroups];
    private uint _uid, _gid;   // of the caller
    private int _groupCount = -1;
    private bool _isServer = true;   // whether the thread is the server's own user now, and not the caller

    private FileSystemUser()
    {
    }

    /// <summary>Whether this process can act as any user: root with the capabilities CAP_SETUID and CAP_SETGID.</summary>
    public static bool CanBeAny { get; } = geteuid() == 0 && Has(CapSetUid) && Has(CapSetGid);

    /// <summary>The user of the calling thread.</summary>
    public static FileSystemUser Current => t_current ??= new();

    /// <summary>The caller's user, after squashing.</summary>
    public uint Uid => _uid;

    /// <summary>The caller's group, after squashing.</summary>
    public uint Gid => _gid;

    /// <summary>Whether the caller is root on this machine.</summary>
    public bool IsRoot => _uid == 0;

    /// <summary>Sets the thread's user to the caller of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="export">The export that the call is for, which may squash the caller.</param>
    /// <param name="databases">Where the caller's groups are looked up; null: those in the call are used.</param>
    /// <returns>False when this process cannot act as that user.</returns>
    public bool Become(in RpcCall call, Export export, UserGroups? databases)
    {
        Span<uint> groups = stackalloc uint[MostGroups];
        if (export.AllSquash || !call.Credential.TryGetSys(out SysCredential sys) || (sys.Uid == 0 && !export.NoRootSquash))
            return Become(export.AnonymousUser, export.AnonymousGroup, default);
        uint gid = export.InsteadOf(sys.Gid);
        if (CanBeAny && databases?.Of(sys.Uid) is { } known)
            return Become(sys.Uid, gid, known);
        for (int i = 0; i < sys.GroupCount; i++)
            groups[i] = export.InsteadOf(sys.Group(i));
        return Become(sys.Uid, gid, groups[..sys.GroupCount]);
    }

    /// <summary>Whether the caller is the server's own user: a server that is not root serves no other.</summary>
    private bool Become(uint uid, uint gid, ReadOnlySpan<uint> groups)
    {
        if (!CanBeAny)
        {
            (_uid, _gid) = (uid, gid);
            return uid == geteuid();
        }

        if (uid == uint.MaxValue || gid == uint.MaxValue)
            return false;   // setfsuid(2) with -1 only returns the user
        bool isSame = uid == _uid && gid == _gid && groups.SequenceEqual(_groups.AsSpan(0, Math.Max(_groupCount, 0))) && _groupCount >= 0;
        if (isSame && (!_isServer || uid == 0))
            return true;
        if (!isSame)
        {
            AsServer();
            SetGroups(groups);
            setfsgid(gid);
            if (setfsgid(uint.MaxValue) != gid)
                return false;
            if (groups.Length > _groups.Length)
                _groups = new uint[groups.Length];
            groups.CopyTo(_groups);
            (_uid, _gid, _groupCount) = (uid, gid, groups.Length);
        }

        return AsCaller();
    }

    /// <summary>Sets the thread's user to the caller again.</summary>
    /// <returns>False if the kernel refused: the user namespace has no such user.</returns>
    public bool AsCaller()
    {
        if (!CanBeAny || _uid == 0 || !_isServer)
            return true;
        setfsuid(_uid);
        KeepDeathSignal();
        _isServer = false;
        if (setfsuid(uint.MaxValue) == _uid)
            return true;
        _groupCount = -1;
        return false;
    }

    /// <summary>Sets the thread's user to the server's own, to open a file of which the caller has a handle.</summary>
    public void AsServer()
    {
        if (_isServer)
            return;
        setfsuid(0);
        KeepDeathSignal();
        _isServer = true;
    }

    // The kernel clears PR_SET_PDEATHSIG of prctl(2) when the user changes: a forked child must still end with its parent.
    private void KeepDeathSignal()
    {
        if (_deathSignal == 0)
            return;
        prctl(PR_SET_PDEATHSIG, _deathSignal);
        if (getppid() != _parent)
            _exit(1);
    }

    private static unsafe nuint DeathSignal()
    {
        int signal = 0;
        prctl(PR_GET_PDEATHSIG, (nuint)(&signal));
        return (nuint)signal;
    }

    private static unsafe void SetGroups(ReadOnlySpan<uint> groups)
    {
        // Not setgroups(3): the C library would change all threads.
        fixed (uint* list = groups)
        {
            SyscallResult.Of(Raw.syscall(SYS_setgroups, groups.Length, (nint)list, 0, 0, 0, 0)).OrThrow("setgroups");
        }
    }

    private static bool Has(int capability)
    {
        const string Effective = "CapEff:";
        string line = File.ReadLines("/proc/self/status").First(one => one.StartsWith(Effective, StringComparison.Ordinal));
        return (ulong.Parse(line.AsSpan(Effective.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) >> capability & 1) == 1;
    }
}
