using System.Collections;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Hosting;

/// <summary>The keys of a section of the configuration, and what each sets. Every key that is not in the table, and every value that is wrong, is reported.</summary>
/// <typeparam name="T">What they set.</typeparam>
internal sealed class SettingsTable<T> : IEnumerable<string>
    where T : class
{
    private readonly Dictionary<string, Action<T, IReadOnlyList<string>>> _readers = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a key that has one value.</summary>
    /// <param name="key">Its name, in any case.</param>
    /// <param name="set">Sets it; throws a <see cref="FormatException"/> that says what would be right.</param>
    public void Add(string key, Action<T, string> set) =>
        _readers.Add(key, (options, values) => set(options, values is [var value] ? value : throw new FormatException("write one value, not a list")));

    /// <summary>Adds a key that has one value or a list of them.</summary>
    public void Add(string key, Action<T, IReadOnlyList<string>> set) => _readers.Add(key, set);

    /// <summary>Sets what the section has.</summary>
    /// <param name="section">The section, which need not exist.</param>
    /// <param name="name">The name of the options, for the exception.</param>
    /// <param name="options">Receives the values.</param>
    /// <exception cref="OptionsValidationException">A key or a value is wrong; a line for each.</exception>
    public void Apply(IConfigurationSection section, string name, T options)
    {
        List<string> failures = [];
        foreach (IConfigurationSection setting in section.GetChildren())
        {
            try
            {
                if (!_readers.TryGetValue(setting.Key, out Action<T, IReadOnlyList<string>>? set))
                    throw new FormatException($"there is no such setting: write one of {string.Join(", ", this)}");
                set(options, setting.Value is { } value ? [value] : [.. setting.GetChildren().Select(one => one.Value ?? "")]);
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                failures.Add($"{setting.Path}: {e.Message}");
            }
        }

        if (failures.Count > 0)
            throw new OptionsValidationException(name, typeof(T), failures);
    }

    /// <summary>A whole number.</summary>
    public static int Number(string text, int least, int most = int.MaxValue) => (int)Long(text, least, most);

    /// <inheritdoc cref="Number"/>
    public static long Long(string text, long least, long most = long.MaxValue) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= least && value <= most
            ? value
            : throw new FormatException(most is int.MaxValue or long.MaxValue
                ? $"'{text}' is no number from {least}"
                : $"'{text}' is no number from {least} to {most}");

    /// <summary>A time, which is not negative. A number alone would be days to <see cref="TimeSpan.Parse(string)"/>, which is never meant.</summary>
    public static TimeSpan Time(string text) =>
        text.Contains(':') && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out TimeSpan value) && value >= TimeSpan.Zero
            ? value
            : throw new FormatException($"'{text}' is no time: write hours, minutes and seconds, such as 00:00:30 or 00:00:00.5");

    /// <summary>A time that a connection may be silent before it is probed.</summary>
    public static TimeSpan Silence(string text) => Time(text) is var time && KeepAlive.IsInRange(time)
        ? time
        : throw new FormatException($"'{text}' is no time from 00:00:01 to 09:00:00, and not 00:00:00, which sends no probes");

    /// <summary>True or false.</summary>
    public static bool Flag(string text) =>
        bool.TryParse(text, out bool value) ? value : throw new FormatException($"'{text}' is neither true nor false");

    /// <summary>One of the names of an enum, in any case.</summary>
    public static TEnum Choice<TEnum>(string text)
        where TEnum : struct, Enum =>
        Enum.TryParse(text, ignoreCase: true, out TEnum value) && Enum.IsDefined(value)
            ? value
            : throw new FormatException($"'{text}' is not one of {string.Join(", ", Enum.GetNames<TEnum>())}");

    /// <inheritdoc/>
    public IEnumerator<string> GetEnumerator() => _readers.Keys.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
