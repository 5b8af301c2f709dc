using System.Text;

namespace Multiplex.Cli.Output;

/// <summary>
/// The files for the results, each given by an option. They are opened before the work begins, so that a file that cannot be
/// written is reported before the work, not after it. An existing file is kept until its new content is written.
/// </summary>
internal sealed class ResultFiles : IDisposable
{
    /// <summary>Stands for standard output.</summary>
    private const string StandardOutput = "-";

    private readonly Dictionary<string, FileStream> _files = [];
    private readonly HashSet<FileStream> _made = [];
    private readonly string? _onStandardOutput;

    /// <param name="asked">Options with their files; null for an option that was not given.</param>
    /// <exception cref="UsageException">A file cannot be written, or two options name the same file.</exception>
    public ResultFiles(params ReadOnlySpan<(string Option, string? File)> asked)
    {
        Dictionary<string, string> owners = [];
        try
        {
            foreach ((string option, string? file) in asked)
            {
                if (file is null)
                    continue;
                if (!owners.TryAdd(file == StandardOutput ? file : Path.GetFullPath(file), option))
                    throw new UsageException($"{owners[file == StandardOutput ? file : Path.GetFullPath(file)]} {file} and {option} {file}: write two different files");
                if (file == StandardOutput)
                    _onStandardOutput = option;
                else
                    Open(option, file);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether a result goes to standard output, which then contains nothing else.</summary>
    public bool UseStandardOutput => _onStandardOutput is not null;

    /// <summary>Whether this option was given.</summary>
    public bool Has(string option) => option == _onStandardOutput || _files.ContainsKey(option);

    /// <summary>Writes each requested result. If one cannot be written, it reports that on standard error and still writes the others.</summary>
    /// <returns>Whether all were written.</returns>
    public bool Write(params ReadOnlySpan<(string Option, Func<string> Result)> results)
    {
        bool all = true;
        foreach ((string option, Func<string> result) in results)
        {
            if (option == _onStandardOutput)
                StandardStream.Output.WriteLine(result().TrimEnd('\n'));
            else if (_files.TryGetValue(option, out FileStream? file))
                all &= Write(option, file, result());
        }

        return all;
    }

    /// <summary>Closes the files, and removes those that it created and never wrote.</summary>
    public void Dispose()
    {
        foreach (FileStream file in _files.Values)
            file.Dispose();
        foreach (FileStream file in _made)
            File.Delete(file.Name);
        _made.Clear();
    }

    private void Open(string option, string file)
    {
        try
        {
            bool isNew = !File.Exists(file);
            FileStream stream = new(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            _files[option] = stream;
            if (isNew && File.Exists(file))
                _made.Add(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"{option} {file}: {e.Message}");
        }
    }

    private bool Write(string option, FileStream file, string result)
    {
        try
        {
            _made.Remove(file);
            if (file.CanSeek && file.Length > 0)
                file.SetLength(0);
            file.Write(Encoding.UTF8.GetBytes(result));
            file.Flush();
            return true;
        }
        catch (IOException e)
        {
            StandardStream.Error.WriteLine($"multiplex: {option} {file.Name}: {e.Message}");
            return false;
        }
    }
}
