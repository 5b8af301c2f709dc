using System.Globalization;
using Multiplex.Rpc;

namespace Multiplex.Load;

/// <summary>A procedure of <c>multiplex.x</c> with its argument, as a load calls it: <c>echo</c>, <c>sleep:10</c>, <c>burn:500</c>.</summary>
/// <param name="Procedure">Which.</param>
/// <param name="Argument">Milliseconds of SLEEP, microseconds of BURN, what ADD adds; else of no meaning.</param>
public readonly record struct MixedCall(MultiplexProcedure Procedure, uint Argument = 0)
{
    /// <summary>How calls are written.</summary>
    public const string Forms = "null, echo, sleep:MS, burn:US, add:N, whoami";

    private static readonly MultiplexProcedure[] s_withArgument = [MultiplexProcedure.Sleep, MultiplexProcedure.Burn, MultiplexProcedure.Add];

    /// <summary>The argument's upper bound; 0 where there is none to give.</summary>
    private uint MostArgument => Procedure switch
    {
        MultiplexProcedure.Sleep => MultiplexProgram.MaxSleep,
        MultiplexProcedure.Burn => MultiplexProgram.MaxBurn,
        MultiplexProcedure.Add => uint.MaxValue,
        _ => 0,
    };

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is no call; the message says what would be one.</exception>
    public static MixedCall Parse(string text)
    {
        string[] parts = text.Split(':');
        if (!Enum.TryParse(parts[0], ignoreCase: true, out MultiplexProcedure procedure) || !char.IsAsciiLetter(parts[0][0]))
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
            MultiplexProcedure.Echo => writer => writer.WriteOpaque(payload),
            MultiplexProcedure.Sleep or MultiplexProcedure.Burn => writer => writer.WriteUInt32(argument),
            MultiplexProcedure.Add => writer => writer.WriteUInt64(argument),
            _ => null,
        };
    }
}
