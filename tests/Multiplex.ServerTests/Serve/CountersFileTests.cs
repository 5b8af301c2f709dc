using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>If the counters' file cannot be made, or another program made it, <c>serve --counters</c> says so and changes no other file.</summary>
public sealed class CountersFileTests
{
    private string _folder = null!;

    [SetUp]
    public void Make_a_folder() => _folder = Directory.CreateTempSubdirectory("multiplex-counters-").FullName;

    [TearDown]
    public void Remove_the_folder() => Directory.Delete(_folder, recursive: true);

    [TestCase("epoll")]
    [TestCase("prefork")]
    public void On_a_full_file_system_it_fails_with_one_line_before_it_listens(string model)
    {
        // In a mount namespace of its own, which goes with it.
        const string Script = """
            mount -t tmpfs -o size=64k tmpfs "$1" && ! cat /dev/zero > "$1/fill" 2> /dev/null &&
            exec "$0" serve --model "$2" --listen tcp://127.0.0.1:0 --counters "$1/counters"
            """;
        string unshare = Tools.Require("unshare");
        string[] apart = ["--map-root-user", "--mount"];
        if (ProgramRun.Of(unshare, [.. apart, "true"]).Status != 0)
            Tools.Missing("this machine gives no mount namespaces");
        ProgramRun run = ProgramRun.Of(unshare, [.. apart, Tools.Require("sh"), "-c", Script, ServerProcess.Command, _folder, model]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains("ENOSPC").And.Contains(_folder));
    }

    [TestCase("epoll")]
    [TestCase("prefork")]
    public void A_link_at_a_name_that_can_be_guessed_is_not_followed(string model)
    {
        // The server has the process id in the name, as the shell executes it.
        const string Script = """
            ln -s "$1/victim" "$1/counters.$$" && exec "$0" serve --model "$2" --listen tcp://127.0.0.1:0 --counters "$1/counters"
            """;
        string victim = Path.Combine(_folder, "victim");
        File.WriteAllText(victim, "precious");
        using (ServerProcess server = ServerProcess.StartProgram(Tools.Require("sh"), ["-c", Script, ServerProcess.Command, _folder, model]))
            Assert.That(server.Stop(), Is.Zero);
        Assert.That(File.ReadAllText(victim), Is.EqualTo("precious"));
        Assert.That(File.ResolveLinkTarget(Path.Combine(_folder, "counters"), returnFinalTarget: false), Is.Null);
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(3));   // the victim, the link, the counters
    }
}
