using CommandLine;
using Multiplex.Cli.Output;

namespace Multiplex.Cli.Serving.Configuration;

[Verb("check-config", HelpText = "Check a configuration file of serve, and serve nothing.")]
internal sealed class CheckConfigOptions : IVerb
{
    [Value(0, Required = true, MetaName = "FILE", HelpText = "The file that serve --config FILE would read.")]
    public string File { get; set; } = "";

    public int Run() => Command.Run(["serve", $"--{ConfigFile.Option}", File], verb =>
    {
        ((ServeVerb)verb).Check();
        StandardStream.Output.WriteLine($"{File}: no mistake found");
        return ExitStatus.Done;
    });
}
