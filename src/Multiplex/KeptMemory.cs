using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// Memory of a server that outlives it: files in memory, memfd_create(2), each with a name. Another process that is passed their descriptors, the next server or a
/// service manager that stores them for it, has the same memory.
/// </summary>
public sealed class KeptMemory
{
    private readonly List<(string Name, int Descriptor)> _passed;
    private readonly List<(string Name, SharedMemory Memory)> _files = [];

    /// <summary>Starts with the files of an earlier server.</summary>
    /// <param name="passed">Their descriptors, which belong to this from now on; null for none.</param>
    public KeptMemory(IEnumerable<(string Name, int Descriptor)>? passed = null) => _passed = [.. passed ?? []];

    /// <summary>The files that are mapped.</summary>
    public IEnumerable<(string Name, int Descriptor)> Files => _files.Select(file => (file.Name, file.Memory.Descriptor));

    /// <summary>Maps a file: the one that was passed by this name, if it can be used, else a new one of zero bytes.</summary>
    /// <param name="name">The name, for memfd_create(2) and sd_pid_notify_with_fds(3): ASCII without a colon.</param>
    /// <param name="length">Bytes; a file that was passed must have just as many.</param>
    /// <param name="isUsable">Whether a file that was passed is what it should be.</param>
    /// <param name="isNew">Receives whether it is a new one.</param>
    /// <exception cref="SyscallException">The file or the mapping was refused.</exception>
    public SharedMemory Map(string name, int length, Func<SharedMemory, bool> isUsable, out bool isNew)
    {
        SharedMemory? memory = null;
        int index = _passed.FindIndex(one => one.Name == name);
        if (index >= 0)
        {
            memory = SharedMemory.OfFile(_passed[index].Descriptor, length);
            if (memory is not null && !isUsable(memory))
            {
                memory.Unmap();
                memory = null;
            }

            if (memory is not null)
                _passed.RemoveAt(index);
        }

        isNew = memory is null;
        memory ??= SharedMemory.InMemoryFile(name, length);
        _files.Add((name, memory));
        return memory;
    }

    /// <summary>Closes the files that were passed and not mapped.</summary>
    /// <returns>Their names.</returns>
    public IReadOnlyList<string> CloseUnused()
    {
        string[] names = [.. _passed.Select(one => one.Name)];
        _passed.ForEach(one => close(one.Descriptor));
        _passed.Clear();
        return names;
    }
}
