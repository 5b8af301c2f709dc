using System.Text;
using CommandLine;
using Multiplex.Cli;
using Multiplex.Cli.Options;
using Multiplex.Cli.Output;

namespace Multiplex.Manual;

/// <summary>
/// The man page of the command or of a verb: a page of the folder pages, in which lines such as <c>@OPTIONS@</c> stand for what the option tables
/// have. The lower-case ones, such as <c>@endpoints@</c>, stand for a file of that name there, which several pages share.
/// </summary>
internal static class ManPage
{
    /// <summary>multiplex, or multiplex-VERB.</summary>
    /// <param name="verb">The class of its options; null for the whole command.</param>
    public static string NameOf(Type? verb) => verb is null ? "multiplex" : $"multiplex-{Verbs.NameOf(verb)}";

    /// <summary>The page.</summary>
    /// <exception cref="FileNotFoundException">The folder has none for this verb: write one.</exception>
    public static string Of(Type? verb, string version, string date)
    {
        StringBuilder page = new();
        page.Append($".\\\" Generated from src/Multiplex.Manual/pages/{NameOf(verb)}.1 and the options of the command.\n");
        page.Append($".TH {NameOf(verb).ToUpperInvariant().Replace("-", "\\-")} 1 {date} \"multiplex {version}\" \"User Commands\"\n.nh\n");
        foreach (string line in Lines($"{NameOf(verb)}.1"))
        {
            page.Append(line switch
            {
                "@SYNOPSIS@" => Synopsis(verb!),
                "@VERBS@" => string.Concat(Verbs.All.Select(VerbEntry)),
                "@ARGUMENTS@" => string.Concat(Verbs.ValuesOf(verb!).Select(value => Entry(Roff.Form(value.MetaName), value.HelpText))),
                "@OPTIONS@" => string.Concat(Verbs.SectionsOf(verb!).Select(Section)),
                "@EXAMPLES@" => $".RS\n.nf\n{string.Join('\n', HelpPage.UsageOf(Verbs.NameOf(verb!)).Examples.Select(Roff.Verbatim))}\n.fi\n.RE\n",
                ['@', .. string name, '@'] => string.Join('\n', Lines(name)) + "\n",
                _ => line + "\n",
            });
        }

        return Wrapped(page.ToString());
    }

    private static string[] Lines(string name) => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "pages", name));

    private static string Synopsis(Type verb) => $"\\fBmultiplex {Verbs.NameOf(verb)}\\fR {Roff.Form(HelpPage.UsageOf(Verbs.NameOf(verb)).Form)}".TrimEnd() + "\n";

    private static string VerbEntry(Type verb) =>
        $".TP\n\\fBmultiplex\\-{Verbs.NameOf(verb)}\\fR(1)\n{Roff.Prose(((VerbAttribute)Attribute.GetCustomAttribute(verb, typeof(VerbAttribute))!).HelpText)}\n";

    private static string Section((string Title, IReadOnlyList<OptionAttribute> Options) section) =>
        (section.Title.Length > 0 ? $".SS {section.Title}\n" : "")
        + string.Concat(section.Options.Select(option => Entry(Form(option), HelpPage.Explain(option))));

    // -D and --define, say.
    private static string Form(OptionAttribute option) =>
        $"{(option.ShortName.Length > 0 ? $"{Roff.Bold($"-{option.ShortName}")}, " : "")}{Roff.Bold($"--{option.LongName}")} {Roff.Form(option.MetaValue)}".TrimEnd();

    private static string Entry(string form, string text) => $".TP\n{form}\n{Roff.Prose(text)}\n";

    // Text in lines of at most 80 characters; what is between .nf and .fi stays as it is.
    private static string Wrapped(string page)
    {
        const int Width = 80;
        StringBuilder wrapped = new();
        bool isFilled = true;
        foreach (string line in page.TrimEnd('\n').Split('\n'))
        {
            isFilled = line == ".fi" || (isFilled && line != ".nf");
            foreach (string part in isFilled && line is not ['.', ..] ? Terminal.Wrap(line, Width, 0).Select(Roff.Line) : [line])
                wrapped.Append(part).Append('\n');
        }

        return wrapped.ToString();
    }
}
