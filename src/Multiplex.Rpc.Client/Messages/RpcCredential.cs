namespace Multiplex.Rpc.Messages;

/// <summary>
/// The credential of a call: opaque_auth of RFC 5531 section 8.2. It proves nothing.
/// </summary>
/// <param name="flavor">See <see cref="Flavor"/>.</param>
/// <param name="body">See <see cref="Body"/>.</param>
public readonly ref struct RpcCredential(AuthenticationFlavor flavor, ReadOnlySpan<byte> body)
{
    /// <summary>The flavor, which defines the form of the body. The server has already refused calls of other flavors than AUTH_NONE and AUTH_SYS.</summary>
    public AuthenticationFlavor Flavor { get; } = flavor;

    /// <summary>Its bytes, at most 400, without the padding.</summary>
    public ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>Reads the credential as AUTH_SYS.</summary>
    /// <returns>False when it is of another flavor, or is malformed.</returns>
    public bool TryGetSys(out SysCredential sys)
    {
        sys = default;
        return Flavor == AuthenticationFlavor.Sys && SysCredential.TryRead(Body, out sys);
    }
}
