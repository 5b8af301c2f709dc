using System.Text;
using System.Text.Json;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Drawing;

/// <summary>Scenes in the Chrome trace format, the JSON that https://ui.perfetto.dev and chrome://tracing open.</summary>
public static class PerfettoTrace
{
    /// <summary>The file as text: a slice for each call, a flow for each arrow, and the names of processes and threads. Times are microseconds.</summary>
    public static string Of(IReadOnlyList<Scene> scenes)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteStartArray("traceEvents");
            int flow = 0;
            foreach (Scene scene in scenes)
            {
                foreach (Lane lane in scene.Lanes)
                    WriteNames(json, scene, lane);
                foreach (LaneCall call in scene.Calls)
                    WriteCall(json, scene, call);
                foreach (Arrow arrow in scene.Arrows)
                    WriteFlow(json, arrow, ++flow);
            }

            json.WriteEndArray();
            json.WriteString("displayTimeUnit", "ms");
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    private static void WriteNames(Utf8JsonWriter json, Scene scene, Lane lane)
    {
        Write(json, "M", "process_name", lane, 0, () => json.WriteString("name", lane.Kind == LaneKind.Client ? $"{scene.Name}: client {lane.Title}" : $"{scene.Name}: {lane.Process}"));
        Write(json, "M", "thread_name", lane, 0, () => json.WriteString("name", lane.Title));
    }

    // A call is a slice; a signal and an end are moments.
    private static void WriteCall(Utf8JsonWriter json, Scene scene, LaneCall call)
    {
        bool isCall = call.Call.Kind == TracedKind.Call;
        Write(json, isCall ? "X" : "i", call.Call.Name, call.Lane, Math.Max(call.Start, 0), () =>
        {
            json.WriteString("arguments", call.Call.Arguments);
            json.WriteString("result", call.Call.Result);
            if (call.Connection is { } connection)
                json.WriteString("connection", connection.FiveTuple);
            if (call.Client is { } client)
                json.WriteString("client", scene.Clients[client]);
        }, isCall ? call.End - Math.Max(call.Start, 0) : null);
    }

    private static void WriteFlow(Utf8JsonWriter json, Arrow arrow, int id)
    {
        Write(json, "s", arrow.Text, arrow.From.Lane, Math.Max(arrow.From.Start, 0), null, id: id);
        Write(json, "f", arrow.Text, arrow.To.Lane, Math.Max(arrow.To.End, arrow.From.Start), null, id: id);
    }

    private static void Write(Utf8JsonWriter json, string phase, string name, Lane lane, long time, Action? arguments, long? duration = null, int? id = null)
    {
        json.WriteStartObject();
        json.WriteString("ph", phase);
        json.WriteString("name", name);
        json.WriteNumber("pid", lane.Process);
        json.WriteNumber("tid", lane.Thread);
        json.WriteNumber("ts", time);
        if (duration is { } took)
            json.WriteNumber("dur", took);
        if (phase == "i")
            json.WriteString("s", "t");
        if (id is { } flow)
        {
            json.WriteString("cat", "flow");
            json.WriteNumber("id", flow);
            json.WriteString("bp", "e");
        }

        if (arguments is not null)
        {
            json.WriteStartObject("args");
            arguments();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
