using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Logs;
using Multiplex.Rpc.Binding;

namespace Multiplex.Cli.Engines;

/// <summary>
/// A name service that shares its registrations with those of other machines: what is registered here goes to the engine, and what is dead goes from here, since
/// clients of other machines would call it too.
/// </summary>
internal sealed class FleetMember : IDisposable
{
    private static readonly TimeSpan s_lookEach = TimeSpan.FromSeconds(1);

    private readonly RegistrationTable _table;
    private readonly INameBackend _backend;
    private readonly DeadRegistrations _dead;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _looks;

    /// <summary>Begins to share.</summary>
    /// <param name="table">The registrations of this machine.</param>
    /// <param name="backend">The engine.</param>
    public FleetMember(RegistrationTable table, INameBackend backend)
    {
        (_table, _backend, _dead) = (table, backend, new(table));
        backend.Start(table.All, Say);
        table.Changed += backend.Set;
        _looks = new(Look) { IsBackground = true, Name = "dead registrations" };
        _looks.Start();
    }

    public void Dispose()
    {
        _stop.Set();
        _looks.Join();
        _stop.Dispose();
        _table.Changed -= _backend.Set;
        _backend.Dispose();
    }

    /// <summary>Writes a warning of an engine to the log.</summary>
    public static void Say(string line) => Log.Warning("name_engine", Printable.Of(line));

    private void Look()
    {
        while (!_stop.Wait(s_lookEach))
        {
            try
            {
                foreach (Registration gone in _dead.Look())
                    Say($"no socket has the address {gone.Address} of {gone.Netid} any more: program {gone.Program} version {gone.Version} is removed");
            }
            catch (IOException e)
            {
                Say($"dead servers are not found: {e.Message}");
            }
        }
    }
}
