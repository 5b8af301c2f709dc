using Multiplex.Cli.Options;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Models;
using Multiplex.Sockets;

namespace Multiplex.Cli.Serving.Upgrade;

/// <summary>What a server takes over from its predecessor: from the running server by <c>--takeover</c>, or from a service manager.</summary>
/// <param name="Sockets">Sockets of <c>--listen</c>.</param>
/// <param name="Memory">Memory from the predecessor, which this server keeps for its successor; null if nothing is kept.</param>
/// <param name="Takeover">The running server; null if there is none.</param>
internal sealed record Inheritance(IReadOnlyList<BoundSocket> Sockets, KeptMemory? Memory, Takeover? Takeover)
{
    /// <summary>Requests it from both.</summary>
    /// <param name="at">Where a running server offers its sockets; null to take over from none.</param>
    /// <param name="keepsMemory">Whether this server keeps memory, also if there is none from a predecessor.</param>
    /// <param name="targets">What this server is to serve.</param>
    /// <param name="model">The model that is to serve it.</param>
    /// <param name="keepAlive">For TCP: the idle time after which the kernel probes a connection.</param>
    /// <exception cref="UsageException">The manager has not passed a requested socket, or the model does not serve it.</exception>
    /// <exception cref="IOException">The running server does not hand over, or what was passed cannot be served.</exception>
    public static Inheritance Take(Endpoint? at, bool keepsMemory, IReadOnlyList<ListenTarget> targets, ServerModelEntry model, TimeSpan keepAlive)
    {
        Takeover? takeover = at is null ? null : Takeover.From(at, targets, model, keepAlive);
        IReadOnlyList<BoundSocket> taken = takeover?.Sockets ?? [];
        PassedSockets passed = PassedSockets.Take([.. targets.Where(target => !taken.Any(socket => socket.Asked == target.Text))], model, keepAlive);
        (string Name, int Descriptor)[] memory = [.. takeover?.Memory ?? [], .. passed.Memory];
        return new([.. taken, .. passed.Sockets], keepsMemory || memory.Length > 0 ? new(memory) : null, takeover);
    }

    /// <summary>The endpoint of <c>--takeover</c>, a UNIX-domain stream.</summary>
    /// <exception cref="UsageException">It is another kind of endpoint, or the server would be registered: registrations cannot be handed over.</exception>
    public static Endpoint? At(string? text, bool registers)
    {
        if (text is null)
            return null;
        Endpoint at = Values.Endpoint("--takeover", text, "descriptors go over a UNIX-domain stream: write unix:@NAME or unix:PATH", EndpointKind.Unix);
        return registers
            ? throw new UsageException("--takeover: registrations with a name service are not handed over; register the program at its fixed port by other means, or leave out --register")
            : at;
    }

    /// <summary>Stores the memory in the service manager.</summary>
    public void Store()
    {
        if (!ServiceManager.IsThere)
            Log.Warning("not_stored", "--fd-store: no service manager has started this server ($NOTIFY_SOCKET is not set), so nothing is stored");
        foreach ((string name, int descriptor) in Memory!.Files)
            ServiceManager.Store(name, descriptor);
    }

    /// <summary>Closes, with a warning, the memory that the protocol cannot use; the protocol has mapped the rest.</summary>
    public void ReportUnused()
    {
        foreach (string name in Memory?.CloseUnused() ?? [])
            Log.Warning("memory_not_used", $"{name} of the server before is not used: this server has another --reply-cache, protocol or version, and does not know the calls that were run");
    }
}
