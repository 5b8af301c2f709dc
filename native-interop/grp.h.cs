using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getgrouplist(3)
public static unsafe partial class Libc
{
    /// <summary>getgrouplist(3): the groups of a user in the group database.</summary>
    /// <param name="user">The user's name, with a NUL at its end.</param>
    /// <param name="group">A group that is among them in any case: the user's own.</param>
    /// <param name="groups">Receives them.</param>
    /// <param name="count">How many there are: more than have room where the result is false.</param>
    public static bool getgrouplist(byte* user, uint group, Span<uint> groups, out int count)
    {
        count = groups.Length;
        fixed (uint* list = groups)
        fixed (int* number = &count)
        {
            return Raw.getgrouplist(user, group, list, number) >= 0;
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int getgrouplist(byte* user, uint group, uint* groups, int* ngroups);
}
