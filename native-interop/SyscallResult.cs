using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

/// <summary>
/// The result of a system call, in one word: the count or descriptor that it returned, or the negative errno.
/// That is how the kernel itself returns it, before libc splits it into -1 and errno.
/// </summary>
/// <remarks>Hot paths compare <see cref="Value"/>; set-up paths call <see cref="OrThrow(string, string?)"/>.</remarks>
public readonly struct SyscallResult : IEquatable<SyscallResult>
{
    private SyscallResult(nint value) => Value = value;

    /// <summary>The count or descriptor (zero or more), or the negative errno.</summary>
    public nint Value { get; }

    /// <summary>Whether the call failed.</summary>
    public bool IsError => Value < 0;

    /// <summary>The errno of a call that failed, or 0.</summary>
    public int Errno => Value < 0 ? (int)-Value : 0;

    /// <summary>Takes what libc returned; if it is -1, reads errno. Must be called before any other call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult Of(nint returned) => returned >= 0 ? new(returned) : new(-Marshal.GetLastSystemError());

    /// <summary>The result of a call that failed with <paramref name="errno"/>.</summary>
    public static SyscallResult Failed(int errno) => new(-errno);

    /// <summary>Whether the call failed with exactly this errno.</summary>
    public bool Is(int errno) => Value == -errno;

    /// <summary>The value, when the call succeeded.</summary>
    /// <param name="call">The call's name, such as "bind".</param>
    /// <param name="attempted">What the call was for, such as an address; the message contains it.</param>
    /// <exception cref="SyscallException">The call failed.</exception>
    public int OrThrow(string call, string? attempted = null) =>
        Value >= 0 ? (int)Value : throw new SyscallException(call, Errno, attempted);

    /// <inheritdoc/>
    public bool Equals(SyscallResult other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SyscallResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => IsError ? ErrnoText.Name(Errno) : Value.ToString();

    /// <summary>Whether two results are the same.</summary>
    public static bool operator ==(SyscallResult left, SyscallResult right) => left.Equals(right);

    /// <summary>Whether two results differ.</summary>
    public static bool operator !=(SyscallResult left, SyscallResult right) => !left.Equals(right);
}
