using Multiplex.Load.Comparison.Servers;
using Multiplex.Models;

namespace Multiplex.Load.Comparison;

/// <summary>Who takes part in a comparison.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Description">What it is.</param>
public abstract record Target(string Name, string Description)
{
    /// <summary>How many connections it serves at a time; further ones wait or are refused.</summary>
    public virtual int ConnectionsAtATime => int.MaxValue;

    /// <summary>Starts it and waits until it listens.</summary>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it said.</exception>
    public abstract ServerUnderTest Start();
}

/// <summary>One of this project's server models.</summary>
/// <param name="Entry">The model.</param>
/// <param name="Command">The program to run <c>serve</c> with, and the arguments that come before the verb.</param>
/// <param name="Protocol">The protocol to serve, by name.</param>
public sealed record ModelTarget(ServerModelEntry Entry, IReadOnlyList<string> Command, string Protocol)
    : Target(Entry.Name, Entry.Summary)
{
    /// <inheritdoc/>
    public override int ConnectionsAtATime => Entry.ConnectionsAtATime(new ServerOptions());

    /// <inheritdoc/>
    public override ServerUnderTest Start() => ModelServer.Start(Command, Entry.Name, Protocol);
}

/// <summary>Somebody else's server, of any kind, that speaks the protocol on a TCP port.</summary>
/// <param name="Name">What it is to be called.</param>
/// <param name="Command">What the shell is to run, with <see cref="PortMark"/> where the port belongs. It has to stay in the foreground.</param>
public sealed record PeerTarget(string Name, string Command) : Target(Name, Command)
{
    /// <summary>Stands for the port in a command.</summary>
    public const string PortMark = "{port}";

    /// <inheritdoc/>
    public override ServerUnderTest Start() => PeerServer.Start(Name, Command);
}
