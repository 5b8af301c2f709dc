using System.Reflection;
using CommandLine;
using Multiplex.Cli.Output;

namespace Multiplex.Cli.Options;

/// <summary>The help of the command and of each verb, laid out for the width of the terminal.</summary>
internal static class HelpPage
{
    private const int Widest = 110;
    private const int NarrowestForTwo = 70;   // columns: below, an option stands above its explanation
    private const int Margin = 2, Deeper = 6, Gap = 2;

    private static readonly Dictionary<string, (string Form, string[] Examples)> s_usage = new()
    {
        ["serve"] = ("--model MODEL --listen ENDPOINT [OPTION …]",
        [
            "multiplex serve --model epoll --listen tcp://127.0.0.1:7000",
            "multiplex serve --model prefork --protocol echo --listen tcp://*:7 --listen unix:/run/echo",
            "multiplex serve --config /etc/multiplex.toml",
        ]),
        ["check-config"] = ("FILE", ["multiplex check-config /etc/multiplex.toml"]),
        ["load"] = ("ENDPOINT [OPTION …]",
        [
            "multiplex load tcp://127.0.0.1:7000 --rate 20k --slo 'p99<2ms'",
            "multiplex load tcp://127.0.0.1:7000 --find-capacity --slo 'p99<2ms' --duration 2s",
            "multiplex load rpc://server/nfs/3 --procedure 0 --auth sys",
            "multiplex load tcp://127.0.0.1:7000 --x greeter.x --call 'GREET(\"you\")'",
            "multiplex load tcp://127.0.0.1:11211 --send get.txt --expect 1line",
            "multiplex load --merge a.hlog b.hlog",
            "multiplex load tcp://10.0.0.7:7000 --agents 4 --nats nats://10.0.0.1",
        ]),
        ["compare"] = ("[OPTION …]",
        [
            "multiplex compare --quick",
            "multiplex compare --models epoll,uring --peer 'mine=./server {port}' --rounds auto",
        ]),
        ["check"] = ("--connect ENDPOINT | --command 'COMMAND {port}' [OPTION …]",
        [
            "multiplex check --command './server {port}'",
            "multiplex check --connect tcp://127.0.0.1:7000 --pid 1234 --json grade.json",
        ]),
        ["trace"] = ("[OPTION …]",
        [
            "multiplex trace",
            "multiplex trace --models fork,poll --peer 'mine=./server {port}' --text",
            "multiplex trace --attach 4242 --for 2s --out mine.html",
        ]),
        ["agent"] = ("--nats URL [OPTION …]", ["multiplex agent --nats nats://10.0.0.1", "multiplex agent --nats nats://10.0.0.1 --role measure --name probe"]),
        ["watch"] = ("PID|FILE [OPTION …]", ["multiplex watch 1234", "multiplex watch /run/server.counters --json --count 10"]),
        ["call"] = ("ENDPOINT PROCEDURE [ARGUMENT] [OPTION …]",
        [
            "multiplex call tcp://127.0.0.1:7000 echo hello",
            "multiplex call rpc://server/nfs null",
        ]),
        ["nfs"] = ("COMMAND URL … [OPTION …]",
        [
            "multiplex nfs ls -l nfs://server/srv/data",
            "multiplex nfs cat nfs://127.0.0.1:2049/data/notes.txt",
            "multiplex nfs put report.pdf nfs://server/srv/data/",
            "multiplex nfs find nfs://server/srv/data --name '*.log' --type f",
        ]),
        ["showmount"] = ("HOST[:PORT] [OPTION …]", ["multiplex showmount server", "multiplex showmount -a 127.0.0.1:2049"]),
        ["rpcbind"] = ("[OPTION …]", ["multiplex rpcbind --listen tcp://127.0.0.1:111 --listen udp://127.0.0.1:111"]),
        ["rpcinfo"] = ("[HOST [PROGRAM [VERSION]]] [OPTION …]", ["multiplex rpcinfo server", "multiplex rpcinfo server nfs 3"]),
        ["rpcgen"] = ("FILE [OPTION …]", ["multiplex rpcgen greeter.x --namespace Greeting"]),
        ["models"] = ("", ["multiplex models"]),
        ["tour"] = ("[LESSON …] [OPTION …]", ["multiplex tour --list", "multiplex tour connections endings --pause"]),
    };

    /// <summary>The lines of the help.</summary>
    /// <param name="verb">The verb's options; null for the whole command.</param>
    /// <param name="columns">Columns of the terminal; null where lines may be of any length.</param>
    public static IEnumerable<string> Of(Type? verb, int? columns)
    {
        int width = Math.Min(columns ?? Widest, Widest);
        return verb is null ? OfCommand(width) : OfVerb(verb, width);
    }

    private static IEnumerable<string> OfCommand(int width)
    {
        (string, string)[] verbs = [.. Verbs.All.Select(type => (Verbs.NameOf(type), type.GetCustomAttribute<VerbAttribute>()!.HelpText))];
        return
        [
            "usage: multiplex VERB [OPTION …]", "",
            .. Entries(verbs, WidthOfNames(verbs), width), "",
            .. Terminal.Wrap("multiplex VERB --help tells what a verb takes; multiplex --version, which version this is.", width, 0),
        ];
    }

    private static IEnumerable<string> OfVerb(Type verb, int width)
    {
        string name = Verbs.NameOf(verb);
        (string form, string[] examples) = UsageOf(name);
        (string, string)[] values = [.. Verbs.ValuesOf(verb).Select(value => (value.MetaName, value.HelpText))];
        (string Title, (string, string)[] Options)[] sections = [.. Verbs.SectionsOf(verb).Select(section =>
            (section.Title, section.Options.Select(option => ($"--{option.LongName} {option.MetaValue}".TrimEnd(), Explain(option))).ToArray()))];
        int names = WidthOfNames([.. values, .. sections.SelectMany(section => section.Options)]);
        return
        [
            .. Terminal.Wrap($"usage: multiplex {name} {form}".TrimEnd(), width, Deeper), "",
            .. Terminal.Wrap(verb.GetCustomAttribute<VerbAttribute>()!.HelpText, width, 0),
            .. values.Length > 0 ? (string[])[""] : [],
            .. Entries(values, names, width),
            .. sections.SelectMany(section => (IEnumerable<string>)[.. Heading(section.Title), .. Entries(section.Options, names, width)]),
            .. examples.Length > 0 ? (string[])["", "examples:"] : [],
            .. examples.SelectMany(example => Terminal.Wrap(new string('\u00a0', Margin) + example, width, Deeper)),
        ];
    }

    /// <summary>A verb's form after its name, and examples.</summary>
    public static (string Form, string[] Examples) UsageOf(string verb) => s_usage.GetValueOrDefault(verb, ("[OPTION …]", []));

    /// <summary>The help text of an option, and its default.</summary>
    public static string Explain(OptionAttribute option) => option switch
    {
        { Required: true } => $"{option.HelpText} Required.",
        { Default: not null and not "" and var usual } => $"{option.HelpText} Default: {usual}.",
        _ => option.HelpText,
    };

    private static string[] Heading(string section) => section.Length > 0 ? ["", $"{section}:"] : [""];

    private static int WidthOfNames(IEnumerable<(string Name, string Text)> entries) =>
        entries.Select(entry => entry.Name.Length).DefaultIfEmpty().Max() + Margin + Gap;

    private static IEnumerable<string> Entries(IEnumerable<(string Name, string Text)> entries, int names, int width)
    {
        foreach ((string name, string text) in entries)
        {
            if (width >= NarrowestForTwo && names <= width / 2)
            {
                bool isFirst = true;
                foreach (string line in Terminal.Wrap(text, width - names, 0))
                {
                    yield return (isFirst ? $"{new string(' ', Margin)}{name}".PadRight(names) : new string(' ', names)) + line;
                    isFirst = false;
                }
            }
            else
            {
                yield return $"{new string(' ', Margin)}{name}";
                foreach (string line in Terminal.Wrap(text, width - Deeper, 0))
                    yield return new string(' ', Deeper) + line;
            }
        }
    }
}
