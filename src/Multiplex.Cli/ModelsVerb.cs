using CommandLine;
using Multiplex.Cli.Output;
using Multiplex.Models;
using Multiplex.Sockets;

namespace Multiplex.Cli;

[Verb("models", HelpText = "List the server models, a line each, and the kinds of endpoint that each serves.")]
internal sealed class ModelsOptions : IVerb
{
    public int Run()
    {
        int width = ServerModelCatalog.All.Max(model => model.Name.Length);
        foreach (ServerModelEntry model in ServerModelCatalog.All)
            StandardStream.Output.WriteLine($"{model.Name.PadRight(width)}  {model.Summary}");
        StandardStream.Output.WriteLine("");

        string[] kinds = [.. Enum.GetValues<EndpointKind>().Select(kind => kind.Prefix())];
        StandardStream.Output.WriteLine($"{"serves".PadRight(width)}  {string.Join("  ", kinds)}".TrimEnd());
        foreach (ServerModelEntry model in ServerModelCatalog.All)
        {
            IEnumerable<string> row = Enum.GetValues<EndpointKind>()
                .Select(kind => (model.Kinds.Contains(kind) ? "yes" : "-").PadRight(kind.Prefix().Length));
            StandardStream.Output.WriteLine($"{model.Name.PadRight(width)}  {string.Join("  ", row)}".TrimEnd());
        }

        return ExitStatus.Done;
    }
}
