using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>Measures the calls of one server, and makes a span for each, while <see cref="RpcTelemetry"/> has a listener.</summary>
/// <param name="also">A further observer, called for each call; may be null.</param>
internal sealed class ServerTelemetry(RpcObserver? also) : RpcObserver
{
    // The method or the service of a call for which the server has none. The numbers in the call are not used: a client may send any.
    private const string Unknown = "_OTHER";

    private static readonly Histogram<double> s_duration =
        RpcTelemetry.Meter.CreateHistogram("rpc.server.call.duration", "s", "How long procedures run.", tags: null, RpcTelemetry.Durations);

    private static readonly Counter<long> s_errors =
        RpcTelemetry.Meter.CreateCounter<long>("multiplex.server.errors", "{call}", "Calls that were answered with a status other than SUCCESS.");

    private Dictionary<EndpointKind, KeyValuePair<string, object?>[]> _serverTags = [];

    /// <summary>The endpoints of the server. The endpoint of a call is known only if it is the only one of its kind.</summary>
    public void ListensOn(IReadOnlyList<Endpoint> endpoints) => _serverTags = endpoints
        .GroupBy(endpoint => endpoint.Kind)
        .Where(kind => kind.Count() == 1)
        .ToDictionary(kind => kind.Key, kind => RpcTelemetry.ServerTags(kind.Single()));

    /// <inheritdoc/>
    public override bool IsEnabled => s_duration.Enabled || s_errors.Enabled || RpcTelemetry.Activities.HasListeners() || also is { IsEnabled: true };

    /// <inheritdoc/>
    public override void Started(RpcContext context)
    {
        string service = ServiceOf(context), method = MethodOf(context);
        if (RpcTelemetry.Start(service, method, ActivityKind.Server, Tags(context, service, method)) is { } activity)
        {
            if (activity.IsAllDataRequested)
                Describe(activity, context);
            context.Activity = Activity.Current = activity;   // current for the procedure, and for no other code: see RpcObserver
        }

        context.IsObserved = also is { IsEnabled: true };
        if (context.IsObserved)
            also!.Started(context);
    }

    /// <inheritdoc/>
    public override void Ended(RpcContext context, AcceptStatus status, Exception? failure)
    {
        string name = NameOf(status);
        string? error = status == AcceptStatus.Success ? null
            : failure is null or RpcFault ? name
            : failure.GetType().FullName;
        TagList tags = Tags(context, ServiceOf(context), MethodOf(context));
        tags.Add("rpc.response.status_code", name);
        if (error is not null)
        {
            s_errors.Add(1, tags);
            tags.Add("error.type", error);
        }

        s_duration.Record(Stopwatch.GetElapsedTime(context.StartTimestamp).TotalSeconds, tags);
        if (context.Activity is { } activity)
            RpcTelemetry.Stop(activity, name, error, failure);
        if (context.IsObserved)
            also!.Ended(context, status, failure);
    }

    /// <inheritdoc/>
    public override void Refused(RpcContext context, AcceptStatus? status, AuthenticationStatus why)
    {
        // A client may send any program and procedure: all that the server does not have share one name, to limit the number of names.
        TagList tags = Tags(
            context,
            status is AcceptStatus.ProgramUnavailable ? Unknown : ServiceOf(context),
            status is not null ? Unknown : MethodOf(context));
        tags.Add("rpc.response.status_code", status is { } answer ? NameOf(answer) : "AUTH_ERROR");
        s_errors.Add(1, tags);
        if (also is { IsEnabled: true })
            also.Refused(context, status, why);
    }

    private TagList Tags(RpcContext context, string service, string method)
    {
        TagList tags = RpcTelemetry.Tags(service, method);
        if (_serverTags.TryGetValue(context.Peer.Kind, out KeyValuePair<string, object?>[]? server))
        {
            foreach (KeyValuePair<string, object?> tag in server)
                tags.Add(tag);
        }

        return tags;
    }

    private static void Describe(Activity activity, RpcContext context)
    {
        activity.SetTag("onc_rpc.xid", context.Xid);
        activity.SetTag("onc_rpc.version", context.Procedure.Version);
        activity.SetTag("onc_rpc.procedure.number", context.Procedure.Number);
        if (!context.Peer.Kind.IsInternet())
            return;
        Endpoint peer = Endpoint.Parse(context.Peer.ToString());
        activity.SetTag("network.peer.address", peer.Host);
        activity.SetTag("network.peer.port", context.Peer.Port);
    }

    private static string ServiceOf(RpcContext context) => context.ProgramName ?? RpcTelemetry.NameOfProgram(context.Procedure.Program);

    private static string MethodOf(RpcContext context) => context.ProcedureName ?? context.Procedure.Number.ToString(CultureInfo.InvariantCulture);

    // The RFC's name of a status.
    internal static string NameOf(AcceptStatus status) => status switch
    {
        AcceptStatus.Success => "SUCCESS",
        AcceptStatus.ProgramUnavailable => "PROG_UNAVAIL",
        AcceptStatus.ProgramMismatch => "PROG_MISMATCH",
        AcceptStatus.ProcedureUnavailable => "PROC_UNAVAIL",
        AcceptStatus.GarbageArguments => "GARBAGE_ARGS",
        _ => "SYSTEM_ERR",
    };
}
