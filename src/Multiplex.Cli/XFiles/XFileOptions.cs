using Multiplex.Rpc.Generator;

namespace Multiplex.Cli.XFiles;

/// <summary>The options -D and -I, for the verbs that read .x files.</summary>
internal static class XFileOptions
{
    /// <summary>
    /// Joins all values of -D into one, and all values of -I, one a line: the parser would take FILE for a further value of an option that may be given
    /// several times.
    /// </summary>
    public static string[] Join(string[] args)
    {
        if (args is not ["rpcgen" or "load", ..])
            return args;
        List<string> joined = [];
        Dictionary<string, List<string>> values = new() { ["--define"] = [], ["--include"] = [] };
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i] is ['-', 'D', ..] ? "--define" : args[i] is ['-', 'I', ..] ? "--include" : args[i].Split('=')[0];
            string? attached = args[i] is ['-', 'D' or 'I', .. { Length: > 0 } rest] ? rest
                : args[i].StartsWith(name + "=", StringComparison.Ordinal) ? args[i][(name.Length + 1)..]
                : null;
            if (!values.TryGetValue(name, out List<string>? all) || (attached is null && i + 1 == args.Length))
                joined.Add(args[i]);
            else
                all.Add(attached ?? args[++i]);
        }

        return [.. joined, .. values.Where(one => one.Value.Count > 0).SelectMany(one => (string[])[one.Key, string.Join('\n', one.Value)])];
    }

    /// <summary>Finds what a .x file includes: beside it, in the folders of -I, and where the headers of C are.</summary>
    /// <param name="file">The .x file.</param>
    /// <param name="folders">The folders, one a line.</param>
    /// <param name="read">Reads a file.</param>
    /// <exception cref="UsageException">One of the folders is missing.</exception>
    public static Func<string, XFile?> Finder(string file, string folders, Func<string, XFile> read)
    {
        string[] all = folders.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (all.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
            throw new UsageException($"--include {missing}: there is no such folder");
        return name => all.Prepend(Path.GetDirectoryName(file) ?? "").Append("/usr/include")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists) is { } found ? read(found) : null;
    }

    /// <summary>The macros of -D as an <see cref="XFile"/> takes them. Its other separators, ; and |, are escaped: here only a line end separates macros.</summary>
    public static string Macros(string defines) => defines.Replace(";", "%3B").Replace("|", "%7C");
}
