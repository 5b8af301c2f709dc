using System.Reflection;
using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Models;
using Multiplex.Observing;
using Multiplex.Rpc.Server;
using Multiplex.Tls;

namespace Multiplex.Cli.Serving.Configuration;

/// <summary>What SIGHUP does to a server that has a configuration file: reads it again, and changes what can change while the server runs.</summary>
/// <param name="serve">The options of its start.</param>
/// <param name="model">Its model, whatever the file says now.</param>
/// <param name="files">How many descriptors of files a process of it may have open.</param>
/// <param name="limits">Its limits, made by <see cref="ServerOptions.Changeable"/>.</param>
internal sealed class Reload(ServeVerb serve, ServerModelEntry model, int files, ServerOptions limits)
{
    // What ServerOptions.Change changes, and the level of the log.
    private static readonly string[] s_changeable =
        ["log-level", "max-connections", "max-connections-per-address", "max-calls-per-second", "allow", "deny", "max-pending", "idle-timeout", "request-timeout", "drain"];
    private static readonly string[] s_tlsFiles = ["tls-cert", "tls-key", "tls-client-ca"];

    private readonly TlsPolicy? _policy = serve.TlsWanted()?.Policy;
    private ServeVerb _last = serve;   // as the file was read last

    /// <summary>The protocol, once it is made; null: it has no TLS.</summary>
    public RpcProtocol? Protocol { get; set; }

    /// <summary>Does it, on the thread that takes the signals. A file with a mistake, or that cannot be read, changes nothing.</summary>
    public void Run()
    {
        ServiceManager.Reloading();
        string? changes = null;
        int outcome = Command.Run(["serve", .. Environment.GetCommandLineArgs().Skip(2)], verb =>
        {
            changes = Change((ServeVerb)verb);
            return ExitStatus.Done;
        }, mistake => Log.Write(EventLevel.Error, "not_reloaded", mistake));
        string status = changes ?? (outcome == ExitStatus.Usage ? "the configuration has a mistake: nothing is changed" : "the configuration was not read again: nothing is changed");
        Log.Notice("reloaded", status);
        ServiceManager.Ready(status);
    }

    private string Change(ServeVerb other)
    {
        other.Check(isServing: true);
        string[] different = [.. Verbs.OptionsOf(typeof(ServeVerb)).Where(one => !IsSame(one.Property, other)).Select(one => one.Name)];
        limits.Change(other.Limits() with { MaxConnections = other.MostConnections(model, files) });
        Log.Level = other.LevelOfLog();
        string tls = RenewTls(other);
        string[] changeable = tls.Length == 0 ? s_changeable : [.. s_changeable, .. s_tlsFiles];
        string[] changed = [.. different.Where(s_changeable.Contains)], left = [.. different.Except(changeable)];
        _last = other;
        return $"configuration read again: {(changed.Length == 0 ? "nothing changed" : $"changed {string.Join(", ", changed)}")}{tls}"
            + (left.Length == 0 ? "" : $"; with a restart: {string.Join(", ", left)}");
    }

    // The files may have changed though their names have not.
    private string RenewTls(ServeVerb other)
    {
        if (Protocol?.Tls is null || _policy is not { } policy || other.TlsWanted() is not { } wanted)
            return "";
        try
        {
            Protocol.RenewTls(wanted with { Policy = policy });
            return "; the files of TLS are read again";
        }
        catch (TlsException e)
        {
            return $"; those of TLS are as before: {Printable.Of(e.Message)}";
        }
    }

    private bool IsSame(PropertyInfo option, ServeVerb other)
    {
        object? before = option.GetValue(_last), after = option.GetValue(other);
        return before is IEnumerable<string> one && after is IEnumerable<string> two ? one.SequenceEqual(two) : Equals(before, after);
    }
}
