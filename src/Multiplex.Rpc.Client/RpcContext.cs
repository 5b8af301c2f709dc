using System.Diagnostics;
using System.Runtime.CompilerServices;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Rpc;

/// <summary>
/// A call as its procedure sees it, beside its arguments. A method of a contract that has a parameter of this type is given it by the server, for as long as
/// it likes; a client stub ignores it, so the parameter is best declared last but for the token, as <c>RpcContext? context = null</c>.
/// </summary>
/// <example>
/// <code>
/// [RpcProgram(0x20004702)]
/// public partial interface IMirror
/// {
///     [Procedure(1, Idempotent = true)]
///     [return: XdrMaxLength(128)]
///     string WhoAmI(RpcContext? context = null);
/// }
///
/// public sealed class Mirror : IMirror
/// {
///     public string WhoAmI(RpcContext? context) => $"call {context!.Xid} of {context.Peer.ToString()}";
/// }
/// </code>
/// </example>
public sealed class RpcContext : IConnectionState
{
    private const int InternetAddress = 28;   // sizeof(struct sockaddr_in6)

    private readonly EndpointKind _kind;
    private readonly ulong _connection;
    private readonly UnixPeer? _unix;
    private readonly int _addressLength;
    private readonly byte[]? _longAddress;
    private readonly byte[] _credential = [];
    private AddressBytes _address;
    private volatile bool _hasEnded;

    /// <summary>A call that no server has received, for tests.</summary>
    public RpcContext()
    {
    }

    /// <summary>A call of this peer, with a copy of its address and its credential.</summary>
    internal RpcContext(in Peer peer, RpcCredential credential)
    {
        (_kind, _connection, _unix, _addressLength) = (peer.Kind, peer.Connection, peer.Unix, peer.Address.Length);
        if (_addressLength <= InternetAddress)
            peer.Address.CopyTo(_address);
        else
            _longAddress = peer.Address.ToArray();
        Tls = peer.Tls;
        Flavor = credential.Flavor;
        if (!credential.Body.IsEmpty)
            _credential = credential.Body.ToArray();
    }

    /// <summary>Transaction identifier: the reply carries the same, and so does a call that is sent again.</summary>
    public uint Xid { get; init; }

    /// <summary>What is called.</summary>
    public RpcProcedure Procedure { get; init; }

    /// <summary>The name of the program; null when it has none.</summary>
    public string? ProgramName { get; init; }

    /// <summary>The name of the procedure; null when it has none, or there is no such procedure.</summary>
    public string? ProcedureName { get; init; }

    /// <summary>The flavor of the credential.</summary>
    public AuthenticationFlavor Flavor { get; init; }

    /// <summary>The peer, as the kernel reports it. <see cref="Peer.HasEnded"/> is whether the call was cancelled because the client had gone.</summary>
    public Peer Peer => new(_kind, _longAddress ?? ((ReadOnlySpan<byte>)_address)[.._addressLength], _connection, _unix, this);

    /// <summary>What the TLS handshake established of the client, such as its certificate; null where the connection has no TLS.</summary>
    public TlsPeer? Tls { get; init; }

    /// <summary>The credential of the call, which proves nothing.</summary>
    public RpcCredential Credential => new(Flavor, _credential);

    /// <summary>When the call began, by <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long StartTimestamp { get; } = Stopwatch.GetTimestamp();

    /// <summary>When <see cref="Cancellation"/> is cancelled at the latest; null when there is no limit: see <c>RpcProtocol.CallTimeout</c>.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>Is cancelled when the client goes, when the server ends, and when the deadline is over.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Values that the code which takes part in the call shares.</summary>
    public IDictionary<object, object?> Items => field ??= new Dictionary<object, object?>();

    /// <summary>The span of the call; null while there is no listener.</summary>
    internal Activity? Activity { get; set; }

    /// <summary>The call in the server's store of replies; null where there is none.</summary>
    internal object? Stored { get; set; }

    /// <summary>Writes the result of a transactional procedure; null of any other.</summary>
    internal Delegate? ResultMarshal { get; set; }

    /// <summary>Whether the server's observer was called at the beginning of the call.</summary>
    internal bool IsObserved { get; set; }

    /// <inheritdoc/>
    bool IConnectionState.HasEnded => _hasEnded;

    internal void SetEnded() => _hasEnded = true;

    [InlineArray(InternetAddress)]
    private struct AddressBytes
    {
        private byte _first;
    }
}
