using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getauxval(3)
public static partial class Libc
{
    public const int AT_PHDR = 3;
    public const int AT_PHNUM = 5;

    /// <summary>getauxval(3): what the kernel told the program when it started it, by the AT_ constant of it; 0 where it told nothing.</summary>
    public static nuint getauxval(int type) => Raw.getauxval((nuint)type);
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nuint getauxval(nuint type);
}
