using Multiplex.Cli.Options;
using Multiplex.Models;
using Multiplex.Sockets;

namespace Multiplex.Cli.Serving;

/// <summary>The value of one <c>--listen</c>: an endpoint, or the name of sockets that a service manager passes.</summary>
/// <param name="Text">The value as the user wrote it.</param>
/// <param name="Endpoint">Where to open a socket; null for <paramref name="PassedName"/>.</param>
/// <param name="PassedName">The name of passed sockets; null for <paramref name="Endpoint"/>.</param>
internal sealed record ListenTarget(string Text, Endpoint? Endpoint, string? PassedName)
{
    public const string PassedPrefix = "fd:";

    /// <summary>Reads it, and checks whether the model serves it, as far as that is known before the socket exists.</summary>
    public static ListenTarget Parse(string text, ServerModelEntry model)
    {
        if (text.StartsWith(PassedPrefix, StringComparison.Ordinal))
        {
            string name = text[PassedPrefix.Length..];
            return name.Length > 0
                ? new(text, null, name)
                : throw new UsageException($"--listen {text}: write {PassedPrefix}NAME, with the name in LISTEN_FDNAMES that the service manager gives the socket");
        }

        Endpoint endpoint = Served(text, model);
        return new(endpoint.ToString(), endpoint, null);
    }

    /// <summary>An endpoint that a model serves.</summary>
    public static Endpoint Served(string text, ServerModelEntry model)
    {
        Endpoint endpoint = Values.Endpoint("--listen", text);
        RequireServed(text, endpoint.Kind, model);
        return endpoint;
    }

    /// <summary>Refuses a kind of socket that a model does not serve.</summary>
    public static void RequireServed(string text, EndpointKind kind, ServerModelEntry model)
    {
        if (!model.Kinds.Contains(kind))
        {
            throw new UsageException($"--listen {text}: {model.Name} does not serve {kind.Prefix()} endpoints; "
                + string.Join(", ", ServerModelCatalog.All.Where(one => one.Kinds.Contains(kind)).Select(one => one.Name)) + " do");
        }
    }
}
