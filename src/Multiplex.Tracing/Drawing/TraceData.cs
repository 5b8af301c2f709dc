using System.Text.Json;
using System.Text.Json.Serialization;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Narration;

namespace Multiplex.Tracing.Drawing;

/// <summary>What the script of the page draws. Times are microseconds of the story; -1 stands for none.</summary>
/// <param name="Scenes">The servers.</param>
/// <param name="Duration">The longest of their stories.</param>
/// <param name="Colours">The colours of clients, by number: see <see cref="Palette"/>.</param>
public sealed record TraceData(IReadOnlyList<SceneData> Scenes, long Duration, IReadOnlyList<int> Colours)
{
    /// <summary>Makes it.</summary>
    public static TraceData Of(IReadOnlyList<Scene> scenes, IReadOnlyList<int> colours) => new([.. scenes.Select(SceneData.Of)], scenes.Max(scene => scene.Duration), colours);

    /// <summary>As JSON that may stand in a script element: no "&lt;" is in it.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TraceJson.Default.TraceData);
}

/// <summary>A server.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Start">When its story began, in microseconds since 1970.</param>
/// <param name="Clients">The names of its clients.</param>
/// <param name="Lanes">Its lanes from top to bottom.</param>
/// <param name="Calls">The calls of all lanes in the order in which they began.</param>
/// <param name="Arrows">The effects of a call of one lane on a call of another.</param>
/// <param name="Steps">Its story in sentences.</param>
public sealed record SceneData(
    string Name, long Start, IReadOnlyList<string> Clients, IReadOnlyList<LaneData> Lanes, IReadOnlyList<CallData> Calls, IReadOnlyList<ArrowData> Arrows, IReadOnlyList<StepData> Steps)
{
    /// <summary>Makes it.</summary>
    public static SceneData Of(Scene scene)
    {
        Dictionary<LaneCall, int> numbers = scene.Calls.Select((call, i) => (call, i)).ToDictionary(pair => pair.call, pair => pair.i);
        Dictionary<Lane, int> lanes = scene.Lanes.Select((lane, i) => (lane, i)).ToDictionary(pair => pair.lane, pair => pair.i);
        return new(
            scene.Name,
            scene.Start,
            scene.Clients,
            [.. scene.Lanes.Select(lane => LaneData.Of(lane, numbers, scene.Duration))],
            [.. scene.Calls.Select(call => CallData.Of(call, lanes[call.Lane]))],
            [.. scene.Arrows.Select(arrow => new ArrowData(Word(arrow.Kind), numbers[arrow.From], numbers[arrow.To], arrow.Client ?? -1, arrow.Text, arrow.IsInferred))],
            [.. Narrator.Tell(scene).Select(step => new StepData(step.Time, numbers[step.Call], step.Sentence))]);
    }

    internal static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>A lane.</summary>
/// <param name="Title">What it is called.</param>
/// <param name="About">Its process and thread.</param>
/// <param name="Kind">client, process or thread.</param>
/// <param name="Process">Its process.</param>
/// <param name="Thread">Its thread.</param>
/// <param name="Born">When it began.</param>
/// <param name="Died">When it ended.</param>
/// <param name="Stretches">Start, end, the call it waits in, the client; of a wait for several descriptors then -1 for new connections, and the clients.</param>
public sealed record LaneData(string Title, string About, string Kind, int Process, int Thread, long Born, long Died, IReadOnlyList<IReadOnlyList<long>> Stretches)
{
    internal static LaneData Of(Lane lane, Dictionary<LaneCall, int> numbers, long duration) => new(
        lane.Title,
        lane.Kind switch
        {
            LaneKind.Client => "a client",
            LaneKind.Process => $"pid {lane.Process}",
            _ => $"tid {lane.Thread} {lane.Name}".TrimEnd(),
        },
        SceneData.Word(lane.Kind), lane.Process, lane.Thread, lane.Born, lane.Died ?? duration,
        [.. lane.Stretches.Select(one => (IReadOnlyList<long>)[one.Start, one.End, one.Wait is null ? -1 : numbers[one.Wait], one.Client ?? -1, .. Watched(one.Wait)])]);

    private static IEnumerable<long> Watched(LaneCall? wait) => wait is not null && Waits.IsForSeveral(wait.Call.Name)
        ? wait.Watched.Select(connection => (long)connection.Client).Distinct().Prepend(-1)
        : [];
}

/// <summary>A call.</summary>
/// <param name="Lane">Its lane.</param>
/// <param name="Kind">call, signal or exit.</param>
/// <param name="Start">When it began; before 0 where that was before the story.</param>
/// <param name="End">When it ended.</param>
/// <param name="Name">Its name.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Result">What it returned.</param>
/// <param name="Error">The errno's name, or nothing.</param>
/// <param name="Client">The client that it is about.</param>
/// <param name="FiveTuple">The connection that it is about, or nothing.</param>
/// <param name="Set">Of a wait for several descriptors, what it is given and what it returns; or nothing.</param>
public sealed record CallData(int Lane, string Kind, long Start, long End, string Name, string Arguments, string Result, string Error, int Client, string FiveTuple, SetData? Set)
{
    internal static CallData Of(LaneCall call, int lane) => new(
        lane, SceneData.Word(call.Call.Kind), call.Start, call.End, call.Call.Name, call.Call.Arguments, call.Call.Result, call.Call.Error ?? "", call.Client ?? -1, call.Connection?.FiveTuple ?? "", call.Set is null ? null : SetData.Of(call.Set));
}

/// <summary>What a wait is given and what it returns.</summary>
/// <param name="Kind">array, bits, kept or ring.</param>
/// <param name="Size">Bits of a set, requests, or descriptors.</param>
/// <param name="Given">Of each descriptor: its number, the row of its bit, its client or -1.</param>
/// <param name="Ready">Those of the descriptors that are ready.</param>
public sealed record SetData(string Kind, int Size, IReadOnlyList<IReadOnlyList<int>> Given, IReadOnlyList<IReadOnlyList<int>> Ready)
{
    internal static SetData Of(WaitSet set) => new(SceneData.Word(set.Kind), set.Size, [.. set.Given.Select(Plain)], [.. set.Ready.Select(Plain)]);

    private static IReadOnlyList<int> Plain(WaitEntry entry) => [entry.Descriptor, entry.Row, entry.Client ?? -1];
}

/// <summary>An arrow.</summary>
/// <param name="Kind">connection, bytes, end, reset, birth, signal or wake.</param>
/// <param name="From">The call that sends.</param>
/// <param name="To">The call that gets.</param>
/// <param name="Client">The client that it is about.</param>
/// <param name="Text">What goes.</param>
/// <param name="Inferred">Whether strace saw one side only.</param>
public sealed record ArrowData(string Kind, int From, int To, int Client, string Text, bool Inferred);

/// <summary>A step of the story.</summary>
/// <param name="Time">When.</param>
/// <param name="Call">The call that it is about.</param>
/// <param name="Sentence">What has just happened, and why.</param>
public sealed record StepData(long Time, int Call, string Sentence);

/// <summary>How the data are written: generated at build time, so without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TraceData))]
internal sealed partial class TraceJson : JsonSerializerContext;
