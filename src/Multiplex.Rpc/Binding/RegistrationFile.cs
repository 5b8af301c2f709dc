using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// Keeps the registrations of a name service in a file, so that the next one begins with them: a warm start. A line for each registration: program,
/// version, netid, owner and address, with a space between them.
/// </summary>
/// <param name="path">The file.</param>
public sealed class RegistrationFile(string path)
{
    private const int Fields = 5;

    /// <summary>Reads it. Nothing when there is no such file.</summary>
    /// <param name="onMistake">Called with each invalid line, which is left out.</param>
    /// <exception cref="IOException">It cannot be read, or another user could have written it.</exception>
    public IReadOnlyList<Registration> Read(Action<string> onMistake)
    {
        SyscallResult opened = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (opened.Is(ENOENT))
            return [];
        int fd = opened.OrThrow("open", path);
        using FileStream file = new(new SafeFileHandle(fd, ownsHandle: true), FileAccess.Read);
        statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, out statx_t status).OrThrow("statx", path);
        if ((status.stx_mode & S_IFMT) != S_IFREG || status.stx_uid != geteuid() || (status.stx_mode & (S_IWGRP | S_IWOTH)) != 0)
            throw new IOException($"{path}: name a regular file of this user that no other user may write");

        List<Registration> all = [];
        using StreamReader reader = new(file);
        for (int number = 1; reader.ReadLine() is { } line; number++)
        {
            if (Parse(line) is { } registration)
                all.Add(registration);
            else
                onMistake($"{path} line {number} is no registration: it is left out");
        }

        return all;
    }

    /// <summary>Writes it anew, whole or not at all: under another name, which then takes the place of this one.</summary>
    /// <param name="registrations">All; those of the name service itself are left out, for the next one makes its own.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(IReadOnlyList<Registration> registrations)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}";   // made, not opened: no other user can have put a link there
        try
        {
            using (StreamWriter writer = new(new FileStream(temporary, FileMode.CreateNew)))
            {
                foreach (Registration one in registrations.Where(one => one.Program != NameService.Program))
                    writer.WriteLine($"{one.Program} {one.Version} {one.Netid} {one.Owner} {one.Address}");
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static Registration? Parse(string line)
    {
        string[] fields = line.Split(' ', Fields);
        return fields.Length == Fields
            && uint.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint program)
            && uint.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint version)
            ? new(program, version, fields[2], fields[4], fields[3])
            : null;
    }
}
