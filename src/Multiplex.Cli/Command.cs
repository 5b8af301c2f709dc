using CommandLine;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Cli.Serving.Configuration;
using Multiplex.Cli.XFiles;
using Multiplex.Demo;
using Multiplex.Interop;
using Multiplex.Rpc.Binding;

namespace Multiplex.Cli;

/// <summary>A command line: its words become the options of a verb. One verb, one file.</summary>
internal static class Command
{
    /// <summary>Runs the command.</summary>
    /// <param name="args">The words behind its name.</param>
    /// <returns>The exit status: 0 done; 1 failed; 2 wrong usage.</returns>
    public static int Run(string[] args)
    {
        ProgramNames.Add(MultiplexProgram.Name, MultiplexV1.Program);
        // The parser does not accept a long name of one letter.
        string[] words = [.. XFileOptions.Join(args).Select(word => word == "--x" || word.StartsWith("--x=", StringComparison.Ordinal) ? $"--x-file{word[3..]}" : word)];
        return Run(words, verb => verb.Run());
    }

    /// <summary>Runs a verb.</summary>
    /// <param name="words">The words, from the verb on.</param>
    /// <param name="run">Runs it with its options.</param>
    /// <param name="report">Reports what is wrong, in one line; null: on standard error.</param>
    /// <returns>The exit status.</returns>
    public static int Run(string[] words, Func<IVerb, int> run, Action<string>? report = null)
    {
        report ??= mistake => StandardStream.Error.WriteLine($"multiplex: {mistake}");
        ConfigFile? file = null;
        try
        {
            if (UsageText.FindMisplaced(words) is { } mistake)
                throw new UsageException(mistake);
            file = ConfigFile.Join(ref words);
            ParserResult<object> parsed = Parse(words);
            Platform.RequireSupported();
            return parsed.MapResult((IVerb verb) => run(UsageText.WithNames(verb)), errors => UsageText.Report(parsed, [.. errors], report));
        }
        catch (UsageException e)
        {
            report(file?.Locate(e.Message) ?? e.Message);
            return ExitStatus.Usage;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            report(Printable.Of(e.Message));
            return ExitStatus.Failed;
        }
    }

    /// <summary>Parses the words.</summary>
    public static ParserResult<object> Parse(string[] words)
    {
        using Parser parser = new(settings =>
        {
            settings.HelpWriter = null;
            settings.AllowMultiInstance = true;   // --listen may be said several times
            settings.CaseSensitive = true;
        });
        return parser.ParseArguments(words, Verbs.All);
    }
}
