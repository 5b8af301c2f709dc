using CommandLine;
using Multiplex.Cli;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;
using Multiplex.Cli.XFiles;
using Multiplex.Demo;
using Multiplex.Interop;
using Multiplex.Rpc.Binding;

// The command: one verb, one file. Exit status: 0 done; 1 failed; 2 wrong usage.
using Parser parser = new(settings =>
{
    settings.HelpWriter = null;
    settings.AllowMultiInstance = true;   // --listen may be said several times
    settings.CaseSensitive = true;
});

string[] words = [.. XFileOptions.Join(args).Select(word => word == "--x" ? "--x-file" : word)];   // the parser takes no long name of one letter
if (UsageText.FindMisplaced(words) is { } mistake)
{
    StandardStream.Error.WriteLine($"multiplex: {mistake}");
    return ExitStatus.Usage;
}

ProgramNames.Add(MultiplexProgram.Name, MultiplexV1.Program);
ParserResult<object> parsed = parser.ParseArguments(words, Verbs.All);
try
{
    Platform.RequireSupported();
    return parsed.MapResult<IVerb, int>(verb => verb.Run(), errors => UsageText.Report(parsed, [.. errors]));
}
catch (UsageException e)
{
    StandardStream.Error.WriteLine($"multiplex: {e.Message}");
    return ExitStatus.Usage;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
{
    StandardStream.Error.WriteLine($"multiplex: {Printable.Of(e.Message)}");
    return ExitStatus.Failed;
}
