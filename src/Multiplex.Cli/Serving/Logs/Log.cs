using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Multiplex.Cli.Output;
using Multiplex.Observing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Logs;

/// <summary>
/// The log of a server, on standard error: a line an event, as text or as JSON. Each line is one write(2), so that lines of several processes do not mix. Before it is
/// configured it is as without options: text, warnings and errors.
/// </summary>
internal static class Log
{
    /// <summary>The levels that <c>--log-level</c> takes.</summary>
    public static IReadOnlyList<EventLevel> Levels { get; } = Enum.GetValues<EventLevel>();

    /// <summary>The least important level that is written.</summary>
    public static EventLevel Level { get; set; } = EventLevel.Warning;

    private static readonly bool s_isJournal = IsJournal(Environment.GetEnvironmentVariable("JOURNAL_STREAM"), STDERR_FILENO);

    private static bool s_isJson;

    /// <summary>From now on writes the events of the level, or of a more important one, in the form. The events of the libraries too.</summary>
    public static void Configure(EventLevel level, bool isJson)
    {
        (Level, s_isJson) = (level, isJson);
        ServerEvents.Report = Write;
    }

    public static void Warning(string name, string text) => Write(EventLevel.Warning, name, text);

    public static void Info(string name, string text) => Write(EventLevel.Info, name, text);

    /// <summary>Writes an event at every level: an address that the kernel chose, or the outcome of a reload, can be read there alone.</summary>
    public static void Notice(string name, string text) => StandardStream.Error.Write(Line(EventLevel.Info, name, text, "multiplex: ", "", s_isJson, s_isJournal));

    /// <summary>The counters of a server at its end: they are written at every level.</summary>
    public static void Counted(ServerCounters counters)
    {
        string summary = counters.Summary();
        StandardStream.Error.Write(Line(EventLevel.Info, "stopped", $"stopped {summary}".TrimEnd(), "", summary, s_isJson, s_isJournal));
    }

    /// <summary>Writes an event, unless its level is less important than the configured one.</summary>
    public static void Write(EventLevel level, string name, string text)
    {
        if (level <= Level)
            StandardStream.Error.Write(Line(level, name, text, "multiplex: ", "", s_isJson, s_isJournal));
    }

    /// <summary>The line of an event.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="name">Its name.</param>
    /// <param name="text">Its text.</param>
    /// <param name="prefix">What stands before the text where it is not JSON.</param>
    /// <param name="counters">NAME=VALUE …, which JSON has as an object.</param>
    /// <param name="isJson">Whether the line is a JSON object.</param>
    /// <param name="isJournal">Whether it begins with its level, sd-daemon(3); so does each further line of the text.</param>
    internal static string Line(EventLevel level, string name, string text, string prefix, string counters, bool isJson, bool isJournal)
    {
        string priority = isJournal ? string.Create(CultureInfo.InvariantCulture, $"<{(int)level}>") : "";
        return isJson
            ? $"{priority}{Json(level, name, text, counters)}\n"
            : $"{priority}{prefix}{(isJournal ? text.Replace("\n", $"\n{priority}") : text)}\n";
    }

    /// <summary>Whether a descriptor is the journal's: $JOURNAL_STREAM has the device and the inode of the standard error that a service was started with, systemd.exec(5).</summary>
    internal static bool IsJournal(string? stream, int descriptor) =>
        stream is not null
        && !statx(descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS, out statx_t file).IsError
        && stream == string.Create(CultureInfo.InvariantCulture, $"{DeviceOf(file.stx_dev_major, file.stx_dev_minor)}:{file.stx_ino}");

    // As makedev(3) packs it.
    private static ulong DeviceOf(uint major, uint minor) =>
        ((major & 0xFFFF_F000UL) << 32) | ((major & 0xFFFUL) << 8) | ((minor & 0xFFFF_FF00UL) << 12) | (minor & 0xFFUL);

    private static string Json(EventLevel level, string name, string text, string counters)
    {
        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            json.WriteString("time", DateTime.UtcNow);
            json.WriteString("level", level.ToString().ToLowerInvariant());
            json.WriteString("event", name);
            json.WriteNumber("pid", getpid());
            json.WriteString("message", text);
            if (counters.Length > 0)
            {
                json.WriteStartObject("counters");
                foreach (string[] counter in counters.Split(' ').Select(one => one.Split('=')))
                    json.WriteNumber(counter[0], long.Parse(counter[1], CultureInfo.InvariantCulture));
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(line.WrittenSpan);
    }
}
