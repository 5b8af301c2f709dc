namespace Multiplex.Cli;

/// <summary>Where a result is written, when it is asked for.</summary>
internal static class ResultFile
{
    /// <summary>What stands for standard output.</summary>
    public const string StandardOutput = "-";

    /// <summary>Writes a result to this file, to standard output, or nowhere when no file is given.</summary>
    public static void Write(string? file, Func<string> result)
    {
        if (file == StandardOutput)
            StandardStream.Output.WriteLine(result().TrimEnd('\n'));
        else if (file is not null)
            File.WriteAllText(file, result());
    }
}
