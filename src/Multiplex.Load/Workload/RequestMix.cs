using Multiplex.Demo;

namespace Multiplex.Load.Workload;

/// <summary>The mix of requests: procedures with their weights, and sizes of payloads with theirs.</summary>
/// <param name="Calls">The procedures; <c>--protocol echo</c> has none and ignores them.</param>
/// <param name="Sizes">Bytes of a message of <c>--protocol echo</c>, or of the payload of ECHO.</param>
public sealed record RequestMix(IReadOnlyList<Weighted<MixedCall>> Calls, IReadOnlyList<Weighted<int>> Sizes)
{
    private static readonly Weighted<int>[] s_usualSize = [new(64, 1)];

    /// <summary>ECHO alone, with payloads of one size.</summary>
    public static RequestMix OfSize(int bytes) => new([new(new(MultiplexV1Procedure.Echo), 1)], [new(bytes, 1)]);

    /// <summary>One procedure alone, such as SLEEP for 5 ms.</summary>
    public static RequestMix Of(MultiplexV1Procedure procedure, uint argument = 0) => new([new(new(procedure, argument), 1)], s_usualSize);
}
