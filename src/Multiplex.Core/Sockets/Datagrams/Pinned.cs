namespace Multiplex.Sockets.Datagrams;

/// <summary>Addresses within arrays that the garbage collector does not move.</summary>
internal static unsafe class Pinned
{
    /// <summary>Of an element of a pinned array.</summary>
    public static T* At<T>(T[] pinned, int index)
        where T : unmanaged
    {
        fixed (T* address = &pinned[index])
        {
            return address;   // pinned for good: still true after the block
        }
    }
}
