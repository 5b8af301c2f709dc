using System.Text;
using Multiplex.Nfs.Files;

namespace Multiplex.Nfs.Exports;

/// <summary>
/// The file systems that are mounted below exports with crossmnt: each is an export of its own, to which a LOOKUP in the other leads. A client sees by the
/// fsid of its attributes that it is on another file system.
/// </summary>
internal static class MountsBelow
{
    /// <summary>Opens those that are mounted now, and has the exports that they are below lead to them.</summary>
    /// <param name="exports">The exports. One of them may be what is mounted: its own options are those that count.</param>
    /// <returns>What was opened.</returns>
    public static List<ExportedDirectory> Open(IReadOnlyCollection<ExportedDirectory> exports)
    {
        const int MostPath = 4096;
        Span<byte> room = stackalloc byte[MostPath];
        List<ExportedDirectory> opened = [];

        // The nearest export first: what is below two of them has the options of that one.
        foreach (ExportedDirectory export in exports.Where(one => one.Export.CrossesMounts).OrderByDescending(one => one.Name.Length))
        {
            string directory = Encoding.UTF8.GetString(ProcPath.Where(export.Root, room)).TrimEnd('/');
            foreach ((ulong mount, string path) in MountTable.Below(directory))
            {
                string name = $"{export.Export.Name.TrimEnd('/')}{path[directory.Length..]}";
                ExportedDirectory? known = exports.Concat(opened).FirstOrDefault(one => one.Export.Name == name);
                if ((known ?? export.OpenBelow(mount, path, name)) is not { } there || there.Mount != mount)
                    continue;
                export.Below[mount] = there;
                if (known is null)
                    opened.Add(there);
            }
        }

        return opened;
    }
}
