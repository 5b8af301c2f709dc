using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Multiplex.Load.Agents;
using Multiplex.Load.Merging;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Nats.Messages;

/// <summary>An agent's answer to being looked for.</summary>
/// <param name="Id">By which it is addressed: random, and its own.</param>
/// <param name="Name">By which it is known.</param>
/// <param name="Host">The machine's name.</param>
/// <param name="Role">What it is for.</param>
/// <param name="Machine">Its machine.</param>
/// <param name="Busy">The run that it is in; null for none.</param>
internal sealed record Hello(string Id, string Name, string Host, AgentRole Role, MachineReport Machine, string? Busy = null);

/// <summary>An agent's answer to a plan or to <see cref="Go"/>.</summary>
/// <param name="Refused">Why it does not do it; null when it does.</param>
internal sealed record Answer(string? Refused = null);

/// <summary>An agent's clock.</summary>
/// <param name="Nanoseconds">Its Stopwatch, which on Linux is CLOCK_MONOTONIC in nanoseconds.</param>
internal sealed record Clock(long Nanoseconds);

/// <summary>Begin.</summary>
/// <param name="Run">The run.</param>
/// <param name="At">When, by the agent's own clock.</param>
internal sealed record Go(string Run, long At);

/// <summary>What a coordinator says to all agents of its run, and several times a second just that it is there.</summary>
/// <param name="Stop">End now, and tell what was measured up to now.</param>
/// <param name="Abandon">End now: the run has failed for this reason.</param>
internal sealed record Order(bool Stop, string? Abandon = null);

/// <summary>What an agent tells the coordinator of its run, and several times a second just that it is there.</summary>
/// <param name="Agent">Its id.</param>
internal sealed record Told(string Agent)
{
    /// <summary>Its connections are made: it waits for <see cref="Go"/>.</summary>
    public bool IsReady { get; init; }

    /// <summary>What it measured in a second.</summary>
    public SecondData? Second { get; init; }

    /// <summary>What it measured in all.</summary>
    public TallyData? Tally { get; init; }

    /// <summary>Why it has ended without.</summary>
    public string? Failed { get; init; }
}

/// <summary>How messages are written: JSON, by code that was generated at build time. A message that lacks what a record requires is damaged.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Hello))]
[JsonSerializable(typeof(LoadPlan))]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(Clock))]
[JsonSerializable(typeof(Go))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Told))]
internal sealed partial class Message : JsonSerializerContext
{
    /// <summary>Writes one.</summary>
    public static byte[] Write<T>(T message) => JsonSerializer.SerializeToUtf8Bytes(message, TypeOf<T>());

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is no such message.</exception>
    public static T Read<T>(byte[]? bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, TypeOf<T>()) ?? throw new FormatException("a message is empty");
        }
        catch (JsonException e)
        {
            throw new FormatException($"a message is no {typeof(T).Name}: {e.Message}", e);
        }
    }

    private static JsonTypeInfo<T> TypeOf<T>() => (JsonTypeInfo<T>)Default.GetTypeInfo(typeof(T))!;
}
