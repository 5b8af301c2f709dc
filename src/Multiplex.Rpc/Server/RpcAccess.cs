using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server;

/// <summary>
/// Decides whether a call may be carried out, before it is known whether there is such a program: by its credential
/// (<see cref="RpcCall.Credential"/>), the peer's address (<see cref="Peer.Address"/>, <see cref="Peer.Host"/>), its port
/// (<see cref="Peer.HasReservedPort"/>), the process at the other end of a UNIX-domain connection (<see cref="Peer.Unix"/>, as the kernel
/// reports it), and by what is called.
/// </summary>
/// <remarks>All threads and processes of the server call it, for each call of a client; it must not block. If it throws, the caller gets AUTH_FAILED.</remarks>
/// <param name="call">The call.</param>
/// <returns><see cref="AuthenticationStatus.Ok"/>, or what the reply AUTH_ERROR says instead: <see cref="AuthenticationStatus.TooWeak"/> asks for a
/// better credential, <see cref="AuthenticationStatus.BadCredential"/> says that this one is not accepted.</returns>
public delegate AuthenticationStatus RpcAccess(in RpcCall call);
