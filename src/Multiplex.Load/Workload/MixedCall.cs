using System.Globalization;
using Multiplex.Demo;
using Multiplex.Rpc.Messages;

namespace Multiplex.Load.Workload;

/// <summary>A procedure of <c>multiplex.x</c> with its argument, as a load calls it: <c>echo</c>, <c>sleep:10</c>, <c>burn:500</c>.</summary>
/// <param name="Procedure">Which.</param>
/// <param name="Argument">Milliseconds of SLEEP, microseconds of BURN, the addend of ADD; otherwise unused.</param>
public readonly record struct MixedCall(MultiplexV1Procedure Procedure, uint Argument = 0)
{
    /// <summary>The notation of calls.</summary>
    public const string Forms = "null, echo, sleep:MS, burn:US, add:N, whoami";

    private static readonly MultiplexV1Procedure[] s_withArgument = [MultiplexV1Procedure.Sleep, MultiplexV1Procedure.Burn, MultiplexV1Procedure.Add];

    /// <summary>The argument's upper bound; 0 where the procedure takes none.</summary>
    private uint MostArgument => Procedure switch
    {
        MultiplexV1Procedure.Sleep => MultiplexConstants.MaxSleep,
        MultiplexV1Procedure.Burn => MultiplexConstants.MaxBurn,
        MultiplexV1Procedure.Add => uint.MaxValue,
        _ => 0,
    };

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is not a call; the message shows the notation.</exception>
    public static MixedCall Parse(string text)
    {
        string[] parts = text.Split(':');
        if (!Enum.TryParse(parts[0], ignoreCase: true, out MultiplexV1Procedure procedure) || !char.IsAsciiLetter(parts[0][0]))
            throw new FormatException($"'{parts[0]}' is no procedure: write {Forms}");
        MixedCall call = new(procedure);
        if (s_withArgument.Contains(call.Procedure) != (parts.Length == 2) || parts.Length > 2)
            throw new FormatException($"'{text}' is no call: write {Forms}");
        if (parts.Length == 1)
            return call;
        return uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint argument) && argument <= call.MostArgument
            ? call with { Argument = argument }
            : throw new FormatException($"'{text}': the argument of {parts[0]} is a number up to {call.MostArgument}");
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string name = Procedure.ToString().ToLowerInvariant();
        return s_withArgument.Contains(Procedure) ? string.Create(CultureInfo.InvariantCulture, $"{name}:{Argument}") : name;
    }

    /// <summary>Marshals the arguments.</summary>
    internal MarshalArguments? Arguments(byte[] payload)
    {
        uint argument = Argument;
        return Procedure switch
        {
            MultiplexV1Procedure.Echo => writer => MultiplexV1Client.WriteEcho(writer, payload),
            MultiplexV1Procedure.Sleep => writer => MultiplexV1Client.WriteSleep(writer, argument),
            MultiplexV1Procedure.Burn => writer => MultiplexV1Client.WriteBurn(writer, argument),
            MultiplexV1Procedure.Add => writer => MultiplexV1Client.WriteAdd(writer, argument),
            _ => null,
        };
    }
}
