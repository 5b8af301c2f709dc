using System.Globalization;
using System.Reflection;
using Multiplex.Cli;
using Multiplex.Manual;

// Writes a man page of the command and of each verb, and the completions of bash and zsh, into a folder laid out like /usr/share:
//   Multiplex.Manual FOLDER DATE
if (args is not [string folder, string date] || !DateOnly.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
{
    Console.Error.WriteLine("usage: Multiplex.Manual FOLDER YYYY-MM-DD");
    return 2;
}

string version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
foreach (Type? verb in Verbs.All.Prepend(null))
    Write($"man/man1/{ManPage.NameOf(verb)}.1", ManPage.Of(verb, version, date));
Write("bash-completion/completions/multiplex", BashCompletion.Script());
Write("zsh/vendor-completions/_multiplex", ZshCompletion.Script());
return 0;

void Write(string name, string text)
{
    string file = Path.Combine(folder, name);
    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    File.WriteAllText(file, text);
}
