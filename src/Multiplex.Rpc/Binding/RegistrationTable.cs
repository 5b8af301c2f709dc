namespace Multiplex.Rpc.Binding;

/// <summary>The registrations of a name service. For several threads.</summary>
/// <param name="limits">How many registrations it holds at most; null for the usual limits.</param>
public sealed class RegistrationTable(RegistrationLimits? limits = null)
{
    /// <summary>The owner that may remove the registrations of every owner, and for which places are reserved.</summary>
    public const string Superuser = "superuser";

    private readonly RegistrationLimits _limits = limits ?? new();
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

    /// <summary>Called with all of them after each change, one change at a time. It must not throw.</summary>
    public Action<IReadOnlyList<Registration>>? Changed { get; set; }

    /// <summary>Adds a registration.</summary>
    /// <param name="registration">The registration.</param>
    /// <param name="isFull">Whether there is no room for it: in the table, or in its owner's share.</param>
    /// <returns>False when the program's version has another address on this transport already, or there is no room.</returns>
    public bool Set(Registration registration, out bool isFull)
    {
        lock (_lock)
        {
            isFull = false;
            if (Index(registration.Program, registration.Version, registration.Netid) is >= 0 and int index)
                return _entries[index].Address == registration.Address;
            isFull = !HasRoomFor(registration.Owner);
            if (isFull)
                return false;
            _entries.Add(registration);
            Changed?.Invoke(_entries);
            return true;
        }
    }

    /// <summary>Removes registrations.</summary>
    /// <param name="program">The program.</param>
    /// <param name="version">The version.</param>
    /// <param name="netids">The transports.</param>
    /// <param name="owner">Whose registrations may be removed; the superuser removes all.</param>
    /// <returns>Whether none of them is registered now, also when none was before: as rpcbind(8).</returns>
    public bool Unset(uint program, uint version, IEnumerable<string> netids, string owner)
    {
        lock (_lock)
        {
            int before = _entries.Count;
            bool all = true;
            foreach (string netid in netids)
            {
                int index = Index(program, version, netid);
                if (index < 0)
                    continue;
                bool allowed = owner == Superuser || owner == _entries[index].Owner;
                if (allowed)
                    _entries.RemoveAt(index);
                all &= allowed;
            }

            if (_entries.Count < before)
                Changed?.Invoke(_entries);
            return all;
        }
    }

    /// <summary>Removes a registration, if it is still as it was found.</summary>
    internal bool Remove(Registration registration)
    {
        lock (_lock)
        {
            bool removed = _entries.Remove(registration);
            if (removed)
                Changed?.Invoke(_entries);
            return removed;
        }
    }

    /// <summary>The registration of this version of a program on a transport, or null.</summary>
    public Registration? Find(uint program, uint version, string netid)
    {
        lock (_lock)
            return Index(program, version, netid) is >= 0 and int index ? _entries[index] : null;
    }

    /// <summary>
    /// As <see cref="Find"/>, but any version rather than none: the server there answers with the versions that it has, RFC 1833
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

    private bool HasRoomFor(string owner) => _entries.Count < _limits.Total
        && (owner == Superuser
            || (_entries.Count(entry => entry.Owner != Superuser) < _limits.Total - _limits.Reserved
                && _entries.Count(entry => entry.Owner == owner) < _limits.PerOwner));

    private int Index(uint program, uint version, string netid) =>
        _entries.FindIndex(entry => entry.Program == program && entry.Version == version && entry.Netid == netid);
}

/// <summary>How many registrations a <see cref="RegistrationTable"/> holds at a time.</summary>
public sealed record RegistrationLimits
{
    /// <summary>The usual <see cref="Total"/>.</summary>
    public const int UsualTotal = 1024;

    /// <summary>How many in all.</summary>
    public int Total { get; init; } = UsualTotal;

    /// <summary>How many of one owner; those of callers over TCP and UDP that are not the superuser have one owner. By default a quarter of all.</summary>
    public int PerOwner { get => field > 0 ? field : Math.Max(1, Total / 4); init; }

    /// <summary>How many places only the superuser may take; by default an eighth of all.</summary>
    public int Reserved { get => field >= 0 ? field : Total / 8; init; } = -1;
}
