using Multiplex.Cli.Serving.Logs;
using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Sockets.Adopted;

namespace Multiplex.Cli.Serving;

/// <summary>What a service manager passes to a server: the sockets of <c>--listen fd:NAME</c>, which it keeps open when the server stops, and memory of an earlier server.</summary>
/// <param name="Sockets">The sockets.</param>
/// <param name="Memory">Files in memory, by name.</param>
internal sealed record PassedSockets(IReadOnlyList<BoundSocket> Sockets, IReadOnlyList<(string Name, int Descriptor)> Memory)
{
    private const string StoredPrefix = "multiplex-";

    /// <summary>Takes the sockets that <c>--listen</c> names; several can have one name. Other passed descriptors are closed, with a warning.</summary>
    /// <exception cref="UsageException">No passed socket has a requested name, or the model does not serve its kind.</exception>
    /// <exception cref="IOException">A descriptor is not a socket that can be served.</exception>
    public static PassedSockets Take(IReadOnlyList<ListenTarget> targets, ServerModelEntry model, TimeSpan keepAlive)
    {
        PassedDescriptors passed = PassedDescriptors.Take();
        List<BoundSocket> sockets = [];
        foreach (ListenTarget target in targets)
        {
            if (target.PassedName is not { } name)
                continue;
            string whyNone = passed.WhyNone(name);
            IReadOnlyList<int> descriptors = passed.TakeNamed(name);
            if (descriptors.Count == 0)
                throw new UsageException($"--listen {target.Text}: {whyNone}");
            foreach (int descriptor in descriptors)
            {
                BoundSocket socket = AdoptedSocket.Of(descriptor, target.Text, isKept: true, keepAlive);
                ListenTarget.RequireServed(target.Text, socket.Kind, model);
                sockets.Add(socket);
            }
        }

        string[] stored = [.. passed.Left.Select(one => one.Name).Where(name => name.StartsWith(StoredPrefix, StringComparison.Ordinal)).Distinct()];
        List<(string Name, int Descriptor)> memory = [.. from name in stored from descriptor in passed.TakeNamed(name) select (name, descriptor)];
        passed.CloseLeft((descriptor, name) => Log.Warning(
            "descriptor_not_used", $"descriptor {descriptor} that was passed as {name} is closed: no --listen {ListenTarget.PassedPrefix}{name} asks for it"));
        return new(sockets, memory);
    }
}
