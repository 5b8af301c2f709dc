using System.Globalization;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Privileges;

/// <summary>A user and a group of this machine, as <c>--user</c> and <c>--socket-owner</c> name them.</summary>
/// <param name="User">The user's number.</param>
/// <param name="Group">The group's number: the one that was named, or else the user's own.</param>
/// <param name="Groups">The groups that a process of that user has besides: none where a group was named.</param>
internal sealed record Account(uint User, uint Group, uint[] Groups)
{
    private const int LongestEntry = 64 * 1024;   // bytes of the strings of an entry
    private const int MostGroups = 65_536;        // NGROUPS_MAX

    /// <summary>Parses NAME, NAME:GROUP, or numbers in the place of names.</summary>
    /// <exception cref="FormatException">There is no such user or group.</exception>
    public static Account Parse(string text)
    {
        (string name, string? group) = text.Split(':', 2) is [string user, string named] ? (user, named) : (text, null);
        Account known = OfUser(name, isEnough: group is not null);
        return group is null ? known : new(known.User, GroupOf(group), []);
    }

    private static unsafe Account OfUser(string name, bool isEnough)
    {
        byte[] strings = new byte[LongestEntry];
        fixed (byte* pinned = strings)
        {
            bool isNumber = uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number != uint.MaxValue;
            SyscallResult found = isNumber ? getpwuid_r(number, out passwd entry, strings) : getpwnam_r(name, out entry, strings);
            if (!found.IsError)
                return new(entry.pw_uid, entry.pw_gid, GroupsOf(entry));
            return isNumber && isEnough
                ? new(number, uint.MaxValue, [])
                : throw new FormatException(isNumber ? $"{name}: the password database has no such user; write {name}:GROUP to name the group too" : $"{name}: there is no such user");
        }
    }

    private static unsafe uint[] GroupsOf(in passwd entry)
    {
        uint[] groups = new uint[MostGroups];
        return getgrouplist(entry.pw_name, entry.pw_gid, groups, out int count) ? groups[..count] : throw new FormatException($"{entry.pw_uid}: this user has more than {MostGroups} groups");
    }

    private static uint GroupOf(string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number != uint.MaxValue)
            return number;
        byte[] strings = GC.AllocateUninitializedArray<byte>(LongestEntry, pinned: true);
        return getgrnam_r(name, out group entry, strings).IsError ? throw new FormatException($"{name}: there is no such group") : entry.gr_gid;
    }
}
