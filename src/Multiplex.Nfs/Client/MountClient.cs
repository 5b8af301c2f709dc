using Multiplex.Interop;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Client;

/// <summary>A client of MOUNT version 3, RFC 1813 appendix I: which directories a server exports, and the handles of their roots.</summary>
public sealed class MountClient : IAsyncDisposable
{
    private const string WantsReservedPort =
        "it may be that the server wants a port below 1024, which takes root here or 'insecure' in its export";

    private readonly string _host;
    private readonly MountV3Client _mount;

    private MountClient(string host, RpcClient connection, bool hasReservedPort)
    {
        _host = host;
        Connection = connection;
        HasReservedPort = hasReservedPort;
        _mount = new(connection);
    }

    /// <summary>The connection.</summary>
    internal RpcClient Connection { get; }

    /// <summary>Whether the connection is from a port below 1024.</summary>
    internal bool HasReservedPort { get; }

    /// <summary>Connects to a host's MOUNT service.</summary>
    /// <param name="host">The host's name or address.</param>
    /// <param name="port">Its port; null: the host's name service is asked for it.</param>
    /// <param name="options">Null is <see cref="NfsClientOptions.Default"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">The host is unknown, no server listens there, or MOUNT is not registered with its name service.</exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static async Task<MountClient> ConnectAsync(
        string host, int? port = null, NfsClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= NfsClientOptions.Default;
        Endpoint server = await Locate(host, port, MountV3.Program, MountV3.Version, options, cancellationToken).ConfigureAwait(false);
        (RpcClient connection, bool hasReservedPort) = await Connect(server, options, cancellationToken).ConfigureAwait(false);
        return new(host, connection, hasReservedPort);
    }

    /// <summary>MNT: gets the handle of an exported directory, or of a directory below one.</summary>
    /// <exception cref="NfsException">The server refuses; the exception says why.</exception>
    public async Task<NfsFh3> MountAsync(NfsPath path, CancellationToken cancellationToken = default)
    {
        if (path.Bytes.Length > MountConstants.Mntpathlen)
            throw NfsException.Of("MNT", path, Mountstat3.Mnt3errNametoolong, $"at most {MountConstants.Mntpathlen} bytes");
        Mountres3 result = await Call("MNT", path, _mount.MntAsync(path.Bytes.Span, cancellation: cancellationToken)).ConfigureAwait(false);
        return result.Mountinfo is { } mounted
            ? new() { Data = mounted.Fhandle }
            : throw NfsException.Of("MNT", path, result.FhsStatus, result.FhsStatus == Mountstat3.Mnt3errAcces ? Hint(HasReservedPort) : null);
    }

    /// <summary>UMNT: removes a directory from the list of this host's mounts.</summary>
    public async Task UnmountAsync(NfsPath path, CancellationToken cancellationToken = default) =>
        await _mount.UmntAsync(path.Bytes.Span, cancellation: cancellationToken).ConfigureAwait(false);

    /// <summary>EXPORT: lists the directories that may be mounted, each with the hosts that may; no hosts: all may.</summary>
    public async Task<IReadOnlyList<(NfsPath Directory, IReadOnlyList<NfsPath> Groups)>> ExportsAsync(CancellationToken cancellationToken = default)
    {
        Exportnode? exports = await Call("EXPORT", _host, _mount.ExportAsync(cancellation: cancellationToken)).ConfigureAwait(false);
        return [.. (exports ?? Enumerable.Empty<Exportnode>()).Select(one =>
            (new NfsPath(one.ExDir), (IReadOnlyList<NfsPath>)[.. (one.ExGroups ?? Enumerable.Empty<Groupnode>()).Select(group => new NfsPath(group.GrName))]))];
    }

    /// <summary>DUMP: lists which host has mounted which directory, as the hosts have reported.</summary>
    public async Task<IReadOnlyList<(NfsPath Host, NfsPath Directory)>> MountsAsync(CancellationToken cancellationToken = default)
    {
        Mountbody? mounts = await Call("DUMP", _host, _mount.DumpAsync(cancellation: cancellationToken)).ConfigureAwait(false);
        return [.. (mounts ?? Enumerable.Empty<Mountbody>()).Select(one => (new NfsPath(one.MlHostname), new NfsPath(one.MlDirectory)))];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Connection.DisposeAsync();

    /// <summary>The endpoint of a program on a host.</summary>
    internal static async Task<Endpoint> Locate(
        string host, int? port, uint program, uint version, NfsClientOptions options, CancellationToken cancellation)
    {
        if (port is { } known)
            return new(options.Transport, host, $"{known}", "");
        RemoteProgram remote = new([.. Netid.All.Where(netid => netid.Kind == options.Transport)], host, program, version);
        return (await remote.LocateAsync(options.NameService, options.ConnectTimeout, cancellation).ConfigureAwait(false)).Server;
    }

    /// <summary>Connects from a port below 1024 if the options ask for that, or if this process may.</summary>
    internal static async Task<(RpcClient Connection, bool HasReservedPort)> Connect(Endpoint server, NfsClientOptions options, CancellationToken cancellation)
    {
        bool reserved = options.ReservedPort ?? geteuid() == 0;
        try
        {
            return (await RpcClient.ConnectAsync(server, options.ForRpc(reserved), cancellation).ConfigureAwait(false), reserved);
        }
        catch (SyscallException e) when (options.ReservedPort is null && reserved && e.Errno is EACCES or EADDRINUSE)
        {
            // Root without the capability, or all such ports are in use; the server may not require one.
            return (await RpcClient.ConnectAsync(server, options.ForRpc(reservedPort: false), cancellation).ConfigureAwait(false), false);
        }
    }

    /// <summary>Explains a denial of access that the port may have caused; null if it was not the port.</summary>
    internal static string? Hint(bool hasReservedPort) => hasReservedPort ? null : WantsReservedPort;

    // Servers refuse a port of 1024 and above with a status of MOUNT, or of RPC.
    private async ValueTask<T> Call<T>(string operation, NfsPath path, ValueTask<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (RpcAuthenticationException e)
        {
            throw NfsException.Of(operation, path, Mountstat3.Mnt3errAcces, Hint(HasReservedPort) ?? e.Message);
        }
    }
}
