using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Client;

/// <summary>
/// A client of NFS version 3, RFC 1813: a mounted directory of a server, and the operations on it. Many operations may be in flight at a time, from one
/// thread or several. An operation throws <see cref="NfsException"/> if the server returns an error, otherwise what <see cref="RpcClient"/> throws.
/// </summary>
/// <remarks>While the server is down, operations are repeated under the same xids for <see cref="NfsClientOptions.Timeout"/>.</remarks>
public sealed partial class NfsClient : IAsyncDisposable
{
    // The pauses before a call is repeated because the server is not ready.
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50), s_longestPause = TimeSpan.FromSeconds(3);

    private readonly NfsClientOptions _options;
    private readonly MountClient _mount;
    private readonly RpcClient _connection;
    private readonly bool _hasReservedPort;

    private NfsClient(NfsClientOptions options, NfsPath mounted, NfsFh3 root, MountClient mount, RpcClient connection, bool hasReservedPort)
    {
        (_options, Mounted, Root, _mount, _connection, _hasReservedPort) = (options, mounted, root, mount, connection, hasReservedPort);
        Procedures = new(connection);
        Walk = new(this);
    }

    /// <summary>The mounted path.</summary>
    public NfsPath Mounted { get; }

    /// <summary>The handle of the mounted directory.</summary>
    public NfsFh3 Root { get; }

    /// <summary>The endpoint of the NFS program.</summary>
    public Endpoint Server => _connection.Server;

    /// <summary>The server's limits and preferences, FSINFO.</summary>
    public FSINFO3resok Info { get; private set; } = new();

    /// <summary>The procedures of NFS as methods, on this client's connection.</summary>
    public NfsV3Client Procedures { get; }

    internal NfsClientOptions Options => _options;

    internal PathWalk Walk { get; }

    /// <summary>The most bytes of a READ, a WRITE or the reply to a READDIR: more would exceed the longest record, or a datagram.</summary>
    internal uint MostBytes => _options.Transport == EndpointKind.Udp ? 32u << 10 : 1u << 20;

    /// <summary>Mounts a directory.</summary>
    /// <param name="url">The directory, <see cref="NfsUrl.Form"/>: an export, or a directory below one.</param>
    /// <param name="options">Null is <see cref="NfsClientOptions.Default"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="FormatException">The text is no URL; the message says what would be right.</exception>
    /// <exception cref="NfsException">The server refuses; the exception says why.</exception>
    /// <exception cref="IOException">The host is unknown, no server listens there, or the programs are not registered with its name service.</exception>
    public static Task<NfsClient> ConnectAsync(string url, NfsClientOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(NfsUrl.Parse(url), options, cancellationToken);

    /// <inheritdoc cref="ConnectAsync(string, NfsClientOptions?, CancellationToken)"/>
    public static async Task<NfsClient> ConnectAsync(NfsUrl url, NfsClientOptions? options = null, CancellationToken cancellationToken = default) =>
        (await Connect(url, options, async mount => (url.Path, await mount.MountAsync(url.Path, cancellationToken).ConfigureAwait(false)), cancellationToken)
            .ConfigureAwait(false)).Client;

    /// <summary>Mounts the export that a file or directory is in: the longest that the server lists, or else the nearest directory above that the server allows to mount.</summary>
    /// <returns>The client, and the path from the mounted directory to the file.</returns>
    /// <inheritdoc cref="ConnectAsync(string, NfsClientOptions?, CancellationToken)"/>
    public static Task<(NfsClient Client, NfsPath Path)> ConnectAboveAsync(
        NfsUrl url, NfsClientOptions? options = null, CancellationToken cancellationToken = default) =>
        Connect(url, options, mount => MountAbove(mount, url.Path, cancellationToken), cancellationToken);

    /// <summary>Removes the mount from the server's list, UMNT, and closes the connections.</summary>
    public async Task DisconnectAsync(CancellationToken cancellationToken = default)
    {
        await _mount.UnmountAsync(Mounted, cancellationToken).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Closes the connections, without UMNT.</summary>
    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _mount.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<(NfsClient Client, NfsPath Path)> Connect(
        NfsUrl url, NfsClientOptions? options, Func<MountClient, Task<(NfsPath Mounted, NfsFh3 Root)>> mountIt, CancellationToken cancellation)
    {
        options ??= NfsClientOptions.Default;
        MountClient mount = await MountClient.ConnectAsync(url.Host, options.MountPort ?? url.Port, options, cancellation).ConfigureAwait(false);
        RpcClient? connection = null;
        try
        {
            (NfsPath mounted, NfsFh3 root) = await mountIt(mount).ConfigureAwait(false);
            Endpoint server = await MountClient.Locate(url.Host, url.Port, NfsV3.Program, NfsV3.Version, options, cancellation).ConfigureAwait(false);
            bool hasReservedPort = mount.HasReservedPort;
            if (server == mount.Connection.Server)
                connection = mount.Connection;
            else
                (connection, hasReservedPort) = await MountClient.Connect(server, options, cancellation).ConfigureAwait(false);
            NfsClient client = new(options, mounted, root, mount, connection, hasReservedPort);
            FSINFO3res info = await client.Call(
                "FSINFO", mounted, new FSINFO3args { Fsroot = root }, client.Procedures.FsinfoAsync, one => one.Status, cancellation)
                .ConfigureAwait(false);
            client.Info = info.Resok!;
            return (client, new(url.Path.Bytes[Math.Min(mounted.Bytes.Length, url.Path.Bytes.Length)..]));
        }
        catch
        {
            if (connection is not null)
                await connection.DisposeAsync().ConfigureAwait(false);
            await mount.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<(NfsPath Mounted, NfsFh3 Root)> MountAbove(MountClient mount, NfsPath path, CancellationToken cancellation)
    {
        foreach ((NfsPath export, _) in (await mount.ExportsAsync(cancellation).ConfigureAwait(false)).OrderByDescending(one => one.Directory.Bytes.Length))
        {
            if (IsAbove(export.Bytes.Span, path.Bytes.Span))
                return (export, await mount.MountAsync(export, cancellation).ConfigureAwait(false));
        }

        // Some servers do not show the list.
        NfsException? failure = null;
        for (ReadOnlyMemory<byte> above = path.Bytes; ; above = above[..Math.Max(above.Span.LastIndexOf((byte)'/'), 1)])
        {
            try
            {
                return (new(above), await mount.MountAsync(new(above), cancellation).ConfigureAwait(false));
            }
            catch (NfsException e) when (e.Status is Nfsstat3.Nfs3errNoent or Nfsstat3.Nfs3errNotdir or Nfsstat3.Nfs3errAcces)
            {
                failure ??= e;
                if (above.Length <= 1)
                    throw failure;
            }
        }
    }

    /// <summary>Whether a path is an export's, or below it.</summary>
    internal static bool IsAbove(ReadOnlySpan<byte> export, ReadOnlySpan<byte> path) =>
        path.StartsWith(export) && (export is [.., (byte)'/'] || path.Length == export.Length || path[export.Length] == '/');

    // RpcClient reconnects over TCP. Over UDP there is no connection: the host of a server that is down refuses each datagram.
    private bool IsDown(RpcConnectionException failure) =>
        _options.Transport == EndpointKind.Udp && failure.InnerException is SyscallException { Errno: ECONNREFUSED };

    /// <summary>Calls a procedure, and repeats the call while the server returns NFS3ERR_JUKEBOX or, over UDP, is down.</summary>
    internal async ValueTask<TResult> Call<TArguments, TResult>(
        string operation,
        NfsPath path,
        TArguments arguments,
        Func<TArguments, RpcCallOptions?, CancellationToken, ValueTask<TResult>> call,
        Func<TResult, Nfsstat3> statusOf,
        CancellationToken cancellation)
    {
        Stopwatch elapsed = Stopwatch.StartNew();
        for (TimeSpan pause = s_firstPause; ; pause = pause < s_longestPause ? 2 * pause : pause)
        {
            Nfsstat3 status;
            try
            {
                TResult result = await call(arguments, null, cancellation).ConfigureAwait(false);
                status = statusOf(result);
                if (status == Nfsstat3.Nfs3Ok)
                    return result;
            }
            catch (RpcAuthenticationException e)
            {
                throw new NfsException(operation, path, Nfsstat3.Nfs3errAcces, MountClient.Hint(_hasReservedPort) ?? e.Message);
            }
            catch (RpcConnectionException e) when (IsDown(e) && elapsed.Elapsed + pause <= _options.Timeout)
            {
                status = Nfsstat3.Nfs3errJukebox;
            }

            if (status != Nfsstat3.Nfs3errJukebox || elapsed.Elapsed + pause > _options.Timeout)
                throw new NfsException(operation, path, status, status == Nfsstat3.Nfs3errAcces && operation == "FSINFO" ? MountClient.Hint(_hasReservedPort) : null);
            await Task.Delay(pause, cancellation).ConfigureAwait(false);
        }
    }
}
