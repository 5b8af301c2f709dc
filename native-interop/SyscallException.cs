namespace Multiplex.Interop;

/// <summary>A system call failed: its name, its errno, and its purpose.</summary>
public sealed class SyscallException : IOException
{
    /// <summary>Describes the failure of <paramref name="call"/>.</summary>
    /// <param name="call">The call's name, such as "bind".</param>
    /// <param name="errno">The errno, positive.</param>
    /// <param name="attempted">What was being attempted, such as the address to bind; null when there is nothing to add.</param>
    /// <param name="explanation">The reason in plain words, and a remedy; null when there is nothing to add.</param>
    public SyscallException(string call, int errno, string? attempted = null, string? explanation = null)
        : base(Describe(call, errno, attempted, explanation))
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The call's name.</summary>
    public string Call { get; }

    /// <summary>The errno, positive.</summary>
    public int Errno { get; }

    private static string Describe(string call, int errno, string? attempted, string? explanation) =>
        $"{call}{(attempted is null ? "" : $" {attempted}")}: {ErrnoText.Description(errno)} ({ErrnoText.Name(errno)})"
        + (explanation is null ? "" : $": {explanation}");
}
