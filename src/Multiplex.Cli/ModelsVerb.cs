using CommandLine;
using Multiplex.Servers;

namespace Multiplex.Cli;

[Verb("models", HelpText = "List the server models, a line each.")]
internal sealed class ModelsOptions : IVerb
{
    public int Run()
    {
        foreach (ServerModelEntry model in ServerModelCatalog.All)
            StandardStream.Output.WriteLine($"{model.Name,-6} {model.Summary}");
        return ExitStatus.Done;
    }
}
