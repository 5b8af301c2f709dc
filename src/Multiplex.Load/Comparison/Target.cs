using Multiplex.Load.Comparison.Servers;
using Multiplex.Models;

namespace Multiplex.Load.Comparison;

/// <summary>A server to compare.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">Its description.</param>
public abstract record Target(string Name, string Description)
{
    /// <summary>A program that runs the server's command, with its own arguments before that: strace(1), for example. Nothing by default.</summary>
    public IReadOnlyList<string> Under { get; init; } = [];

    /// <summary>How many connections it serves at a time; further ones wait or are refused.</summary>
    public virtual int ConnectionsAtATime => int.MaxValue;

    /// <summary>Starts it and waits until it listens.</summary>
    /// <param name="cancelled">Ends the wait for a peer, which is killed.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public abstract ServerUnderTest Start(CancellationToken cancelled = default);
}

/// <summary>One of this project's server models.</summary>
/// <param name="Entry">The model.</param>
/// <param name="Command">The program to run <c>serve</c> with, and the arguments that come before the verb.</param>
/// <param name="Protocol">The protocol to serve, by name.</param>
public sealed record ModelTarget(ServerModelEntry Entry, IReadOnlyList<string> Command, string Protocol)
    : Target(Entry.Name, Entry.Summary)
{
    /// <summary>Further options of <c>serve</c>.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <inheritdoc/>
    public override int ConnectionsAtATime => Entry.ConnectionsAtATime(new ServerOptions());

    /// <inheritdoc/>
    public override ServerUnderTest Start(CancellationToken cancelled = default) => ModelServer.Start([.. Under, .. Command], Entry.Name, Protocol, ServesFiles, Options);

    /// <summary>Whether the protocol is NFS, which needs a directory to serve.</summary>
    public bool ServesFiles { get; init; }
}

/// <summary>Another project's server that speaks the protocol on a TCP port.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Command">The command for the shell, with <see cref="PortMark"/> in the place of the port. It must stay in the foreground.</param>
public sealed record PeerTarget(string Name, string Command) : Target(Name, Command)
{
    /// <summary>Stands for the port in a command.</summary>
    public const string PortMark = "{port}";

    /// <summary>Stands for a second port: that of MOUNT, where a server of NFS has another for it.</summary>
    public const string MountPortMark = "{mountport}";

    /// <summary>Stands for a new directory that a server of NFS is to export.</summary>
    public const string ExportMark = "{export}";

    /// <inheritdoc/>
    public override ServerUnderTest Start(CancellationToken cancelled = default) => PeerServer.Start(Name, Command, under: Under, cancelled: cancelled);
}
