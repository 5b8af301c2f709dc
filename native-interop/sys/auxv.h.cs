using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getauxval(3)
public static partial class Libc
{
    public const int AT_PHDR = 3;
    public const int AT_PHNUM = 5;

    /// <summary>getauxval(3): a value that the kernel gave the program at its start, by its AT_ constant; 0 where it gave none.</summary>
    public static nuint getauxval(int type) => Raw.getauxval((nuint)type);
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nuint getauxval(nuint type);
}
