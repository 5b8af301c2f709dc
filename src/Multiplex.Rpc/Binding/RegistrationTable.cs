namespace Multiplex.Rpc.Binding;

/// <summary>What a name service knows. For several threads.</summary>
/// <param name="capacity">How many registrations it holds at most.</param>
public sealed class RegistrationTable(int capacity = RegistrationTable.UsualCapacity)
{
    /// <summary>The usual limit.</summary>
    public const int UsualCapacity = 1024;

    /// <summary>Who may remove everybody's registrations.</summary>
    public const string Superuser = "superuser";

    private readonly Lock _lock = new();
    private readonly List<Registration> _entries = [];

    /// <summary>All of them, in the order in which they came.</summary>
    public IReadOnlyList<Registration> All
    {
        get
        {
            lock (_lock)
                return [.. _entries];
        }
    }

    /// <summary>Adds a registration.</summary>
    /// <returns>False when the program's version has another address on this transport already, or there is no room.</returns>
    public bool Set(Registration registration)
    {
        lock (_lock)
        {
            if (Index(registration.Program, registration.Version, registration.Netid) is >= 0 and int index)
                return _entries[index].Address == registration.Address;
            if (_entries.Count >= capacity)
                return false;
            _entries.Add(registration);
            return true;
        }
    }

    /// <summary>Removes registrations.</summary>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netids">The transports.</param>
    /// <param name="owner">Who asks: what another has registered stays, unless it is the superuser.</param>
    /// <returns>Whether something was removed, and all that was meant.</returns>
    public bool Unset(uint program, uint version, IEnumerable<string> netids, string owner)
    {
        lock (_lock)
        {
            bool any = false, all = true;
            foreach (string netid in netids)
            {
                int index = Index(program, version, netid);
                if (index < 0)
                    continue;
                bool allowed = owner == Superuser || owner == _entries[index].Owner;
                if (allowed)
                    _entries.RemoveAt(index);
                any |= allowed;
                all &= allowed;
            }

            return any && all;
        }
    }

    /// <summary>The registration of this version of a program on a transport, or null.</summary>
    public Registration? Find(uint program, uint version, string netid)
    {
        lock (_lock)
            return Index(program, version, netid) is >= 0 and int index ? _entries[index] : null;
    }

    /// <summary>
    /// As <see cref="Find"/>, but any version rather than none: the server there will tell the caller which it has, RFC 1833
    /// section 2.2.1.
    /// </summary>
    public Registration? FindAnyVersion(uint program, uint version, string netid)
    {
        lock (_lock)
        {
            return Index(program, version, netid) is >= 0 and int index
                ? _entries[index]
                : _entries.FindLast(entry => entry.Program == program && entry.Netid == netid);
        }
    }

    private int Index(uint program, uint version, string netid) =>
        _entries.FindIndex(entry => entry.Program == program && entry.Version == version && entry.Netid == netid);
}
