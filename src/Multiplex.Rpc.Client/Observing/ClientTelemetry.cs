using System.Diagnostics;
using System.Globalization;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>One call of a client, for listeners.</summary>
internal sealed class ClientTelemetry
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TagList _tags;
    private readonly Activity? _activity;

    private ClientTelemetry(Endpoint server, RpcProcedure procedure)
    {
        (string service, string method) = NamesOf(procedure);
        _tags = RpcTelemetry.Tags(service, method);
        foreach (KeyValuePair<string, object?> tag in RpcTelemetry.ServerTags(server))
            _tags.Add(tag);
        _activity = RpcTelemetry.Start(service, method, ActivityKind.Client, _tags);
        if (_activity is { IsAllDataRequested: true })
        {
            _activity.SetTag("onc_rpc.version", procedure.Version);
            _activity.SetTag("onc_rpc.procedure.number", procedure.Number);
        }
    }

    /// <summary>A call begins.</summary>
    /// <returns>Null while there is no listener.</returns>
    public static ClientTelemetry? Begin(Endpoint server, RpcProcedure procedure) =>
        RpcTelemetry.IsClientObserved ? new(server, procedure) : null;

    /// <summary>The call has ended.</summary>
    /// <param name="xid">The transaction of the call.</param>
    /// <param name="failure">Null when the call succeeded.</param>
    public void End(uint xid, Exception? failure)
    {
        string? status = failure switch { null => "SUCCESS", RpcRefusedException refused => refused.Name, _ => null };
        End(xid, status, failure is null ? null : status ?? failure.GetType().FullName, failure);
    }

    /// <summary>A call without a reply has been sent, or is in the buffer to be sent with others.</summary>
    public void Posted(uint xid) => End(xid, status: null, error: null, failure: null);

    private void End(uint xid, string? status, string? error, Exception? failure)
    {
        TagList tags = _tags;
        if (status is not null)
            tags.Add("rpc.response.status_code", status);
        if (error is not null)
            tags.Add("error.type", error);
        RpcTelemetry.ClientDuration.Record(Stopwatch.GetElapsedTime(_start).TotalSeconds, tags);
        _activity?.SetTag("onc_rpc.xid", xid);
        if (_activity is not null)
            RpcTelemetry.Stop(_activity, status, error, failure);
    }

    // As the server names them: "GreeterV1.Greet" is the procedure Greet of GreeterV1.
    private static (string Service, string Method) NamesOf(RpcProcedure procedure) => procedure.Name is { } name && name.LastIndexOf('.') is > 0 and var dot
        ? (name[..dot], name[(dot + 1)..])
        : (RpcTelemetry.NameOfProgram(procedure.Program), procedure.Name ?? procedure.Number.ToString(CultureInfo.InvariantCulture));
}
