namespace Multiplex.Interop;

// madvise(2): what the C library's header does not have
public static partial class Libc
{
    /// <summary>Of <see cref="madvise"/>: makes huge pages of a range at once, also of memory that is already in use. Since Linux 6.1.</summary>
    public const int MADV_COLLAPSE = 25;
}
