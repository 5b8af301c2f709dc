using System.Buffers;
using System.Collections.Concurrent;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>
/// The groups of users from this machine's databases, for users that are in more than the 16 groups that AUTH_SYS has room for. They are looked up by uid,
/// and cached for some time.
/// </summary>
/// <param name="time">How long they are cached.</param>
/// <param name="insteadOfRoot">The group that replaces group 0.</param>
/// <param name="capacity">How many users are cached at a time.</param>
/// <param name="counters">Counts users that were removed to make room.</param>
internal sealed class UserGroups(TimeSpan time, uint insteadOfRoot, int capacity, ServerCounters? counters = null)
{
    private const int UsualStrings = 1024, MostStrings = 1 << 20;   // bytes for an entry of the password database
    private const int UsualGroups = 64, MostGroups = 65_536;        // NGROUPS_MAX

    private readonly ConcurrentDictionary<uint, Known> _users = new();
    private readonly Lock _adding = new();
    private readonly Counter _forgotten = Counter.NfsUsersForgotten;

    /// <summary>The groups of a user; null if the database has no such user, or cannot be read.</summary>
    public uint[]? Of(uint uid)
    {
        long now = Environment.TickCount64;
        if (_users.TryGetValue(uid, out Known known) && now < known.Until)
            return known.Groups;
        uint[]? groups = LookUp(uid);
        lock (_adding)
        {
            if (!_users.ContainsKey(uid))
                MakeRoom(now);
            _users[uid] = new(groups, now + (long)time.TotalMilliseconds);
        }

        return groups;
    }

    // The one that was looked up first goes. A look-up reads the databases, beside which a look at all that are known is little.
    private void MakeRoom(long now)
    {
        if (_users.Count < capacity)
            return;
        (uint oldest, Known known) = _users.MinBy(user => user.Value.Until);
        _users.TryRemove(oldest, out _);
        if (now < known.Until)
            counters?.Increment(_forgotten);
    }

    private unsafe uint[]? LookUp(uint uid)
    {
        for (int length = UsualStrings; length <= MostStrings; length *= 4)
        {
            byte[] strings = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                fixed (byte* pinned = strings)
                {
                    SyscallResult found = getpwuid_r(uid, out passwd user, strings);
                    if (!found.IsError)
                        return GroupsOf(user);
                    if (!found.Is(ERANGE))
                        return null;
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(strings);
            }
        }

        return null;
    }

    private unsafe uint[]? GroupsOf(in passwd user)
    {
        for (int room = UsualGroups; room <= MostGroups;)
        {
            uint[] groups = new uint[room];
            if (getgrouplist(user.pw_name, user.pw_gid, groups, out int count))
                return [.. groups.AsSpan(0, count).ToArray().Select(group => group == 0 ? insteadOfRoot : group)];
            room = Math.Max(count, 2 * room);
        }

        return null;
    }

    private readonly record struct Known(uint[]? Groups, long Until);
}
