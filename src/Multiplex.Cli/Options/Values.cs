using System.Globalization;
using Multiplex.Load.Workload;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Cli.Options;

/// <summary>Reads the values of options; the error for an invalid value describes a valid one in one line.</summary>
internal static class Values
{
    private static readonly (string Name, Func<RpcAuthentication> Make)[] s_credentials =
        [("none", () => RpcAuthentication.None), ("sys", RpcAuthentication.Sys)];

    /// <summary>A time: a number with us, ms, s, m or h; without a unit, seconds.</summary>
    public static TimeSpan Time(string option, string text)
    {
        (double unit, int suffix) = text switch
        {
            _ when text.EndsWith("us", StringComparison.Ordinal) => (0.000001, 2),
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (0.001, 2),
            _ when text.EndsWith('s') => (1, 1),
            _ when text.EndsWith('m') => (60, 1),
            _ when text.EndsWith('h') => (3600, 1),
            _ => (1.0, 0),
        };
        const double LongestDays = 24;   // poll(2) takes milliseconds in an int
        return double.TryParse(text.AsSpan(0, text.Length - suffix), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number * unit <= LongestDays * 86_400
            ? TimeSpan.FromSeconds(number * unit)
            : throw new UsageException($"{option} {text}: write a time such as 500ms, 10s or 2m");
    }

    /// <summary>A time above zero.</summary>
    public static TimeSpan PositiveTime(string option, string text)
    {
        TimeSpan time = Time(option, text);
        return time > TimeSpan.Zero ? time : throw new UsageException($"{option} {text}: write a time above zero");
    }

    /// <summary>A time up to a limit.</summary>
    public static TimeSpan Time(string option, string text, TimeSpan most)
    {
        TimeSpan time = Time(option, text);
        return time <= most ? time : throw new UsageException($"{option} {text}: write a time of at most {most.TotalHours:0.###}h");
    }

    /// <summary>A time for which a thread may poll for work before it sleeps: 10 ms at most.</summary>
    public static TimeSpan ShortTime(string option, string text)
    {
        TimeSpan time = Time(option, text);
        return time <= TimeSpan.FromMilliseconds(10) ? time : throw new UsageException($"{option} {text}: write a time of at most 10ms, such as 50us");
    }

    /// <summary>A number of bytes, with k, M or G for powers of 1024.</summary>
    public static int Bytes(string option, string text, int least, int most) => (int)LongBytes(option, text, least, most);

    /// <summary>The same, also for more than 2 GiB.</summary>
    public static long LongBytes(string option, string text, long least, long most)
    {
        (long unit, int suffix) = text switch
        {
            _ when text.EndsWith('k') || text.EndsWith('K') => (1L << 10, 1),
            _ when text.EndsWith('M') => (1L << 20, 1),
            _ when text.EndsWith('G') => (1L << 30, 1),
            _ => (1L, 0),
        };
        return long.TryParse(text.AsSpan(0, text.Length - suffix), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number <= most / unit && number * unit >= least
            ? number * unit
            : throw new UsageException($"{option} {text}: write a number of bytes from {least} to {most}, such as 64 or 16k");
    }

    /// <summary>A whole number in a range.</summary>
    public static int Number(string option, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new UsageException($"{option} {value}: write a number from {least} to {most}");

    /// <summary>The same, from text.</summary>
    public static int Number(string option, string text, int least, int most) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        ? Number(option, number, least, most)
        : throw new UsageException($"{option} {text}: write a number from {least} to {most}");

    /// <summary>Whole numbers in a range, with commas between them; each once, ascending.</summary>
    public static IReadOnlyList<int> Numbers(string option, string text, int least, int most) =>
    [
        .. text.Split(',').Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? Number(option, number, least, most)
            : throw new UsageException($"{option} {text}: write numbers from {least} to {most} with commas between them")).Distinct().Order(),
    ];

    /// <summary>A rate a second, with k or M for thousands and millions.</summary>
    public static double Rate(string option, string text)
    {
        const double Most = 100e6;
        (double unit, int suffix) = text switch
        {
            _ when text.EndsWith('k') => (1e3, 1),
            _ when text.EndsWith('M') => (1e6, 1),
            _ => (1.0, 0),
        };
        return double.TryParse(text.AsSpan(0, text.Length - suffix), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number * unit is > 0 and <= Most
            ? number * unit
            : throw new UsageException($"{option} {text}: write a rate a second above zero, such as 500 or 20k");
    }

    /// <summary>One or several things with weights: <c>THING=WEIGHT,THING=WEIGHT</c>; a thing without one weighs 1.</summary>
    public static IReadOnlyList<Weighted<T>> Weights<T>(string option, string text, Func<string, T> parse) => [.. text.Split(',').Select(part =>
    {
        int equals = part.IndexOf('=');
        if (equals < 0)
            return new Weighted<T>(parse(part), 1);
        return double.TryParse(part.AsSpan(equals + 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double weight) && weight > 0
            ? new Weighted<T>(parse(part[..equals]), weight)
            : throw new UsageException($"{option} {text}: a weight is a number above zero, as in {part[..equals]}=10");
    })];

    /// <summary>An endpoint.</summary>
    public static Endpoint Endpoint(string option, string text) => Parsed(option, text, Sockets.Endpoint.Parse);

    /// <summary>An endpoint of one of a few kinds.</summary>
    /// <param name="option">The option.</param>
    /// <param name="text">Its value.</param>
    /// <param name="form">Why it is of these kinds, and how they are written.</param>
    /// <param name="kinds">The kinds.</param>
    public static Endpoint Endpoint(string option, string text, string form, params IReadOnlyList<EndpointKind> kinds) =>
        kinds.Any(kind => text.StartsWith(kind.Prefix(), StringComparison.Ordinal)) ? Endpoint(option, text) : throw new UsageException($"{option} {text}: {form}");

    /// <summary>A program on a host, which a name service finds.</summary>
    public static RemoteProgram RemoteProgram(string option, string text) => Parsed(option, text, Rpc.Binding.RemoteProgram.Parse);

    /// <summary>A program: a name of rpc(5), or a number.</summary>
    public static uint Program(string option, string text) => ProgramNames.TryParse(text, out uint program)
        ? program
        : throw new UsageException($"{option} {text}: write a program's number, such as 100003 or 0x20004543, or its name in /etc/rpc");

    /// <summary>A program and its version: <c>nfs/3</c>.</summary>
    public static (uint Number, uint Version) ProgramAndVersion(string option, string text) =>
        text.Split('/') is [string program, string version] && uint.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out uint number)
            ? (Program(option, program), number)
            : throw new UsageException($"{option} {text}: write PROGRAM/VERSION, such as nfs/3");

    /// <summary>Bytes as hexadecimal digits, with or without spaces and 0x.</summary>
    public static byte[] Hexadecimal(string option, string text)
    {
        string digits = text.Replace(" ", "");
        try
        {
            return Convert.FromHexString(digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? digits.AsSpan(2) : digits);
        }
        catch (FormatException)
        {
            throw new UsageException($"{option} {text}: write bytes as pairs of hexadecimal digits, such as 0000002a");
        }
    }

    /// <summary>A credential: none, or sys.</summary>
    public static RpcAuthentication Credential(string option, string name) => Named(option, name, s_credentials, one => one.Name).Make();

    /// <summary>One of several names.</summary>
    public static T Named<T>(string option, string name, IEnumerable<T> all, Func<T, string> nameOf)
    {
        foreach (T one in all)
        {
            if (nameOf(one) == name)
                return one;
        }

        throw new UsageException($"{option} {name}: write {string.Join(", ", all.Select(nameOf))}");
    }

    /// <summary>A value that a parser of the libraries reads; the parser's own message describes a valid value.</summary>
    public static T Parsed<T>(string option, string text, Func<string, T> parse)
    {
        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"{option} {e.Message}");
        }
    }
}
