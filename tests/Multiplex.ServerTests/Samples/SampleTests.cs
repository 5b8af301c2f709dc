using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Samples;

/// <summary>The programs of docs/samples do what their comments say.</summary>
public class SampleTests
{
    [Test]
    public void The_greeter_serves_and_calls_in_one_host()
    {
        ProgramRun run = Run("greeter", "--Multiplex:Server:Listen=unix:@multiplex-sample-greeter", "--Multiplex:Clients:IGreeter:Server=unix:@multiplex-sample-greeter");
        Assert.That(run.Lines, Has.Member("hello, world").And.Some.Contains("the server listens on unix:@multiplex-sample-greeter, on the model epoll"));
    }

    [Test]
    public void The_tests_of_the_greeter_pass() => Assert.That(Run("greeter.tests").Lines, Has.Some.Contains("Total: 3, Errors: 0, Failed: 0"));

    [Test]
    public void The_bank_moves_money_once_and_never_more_than_there_is() =>
        Assert.That(Run("bank").Lines, Is.EqualTo(new[] { "16 transfers of 6.00 done, 4 refused", "alice 4.00, bob 96.00", "to carol: NoSuchAccount" }));

    [Test]
    public void The_instrument_calls_its_controller_when_it_wants_service() => Assert.That(
        Run("instrument").Lines,
        Is.EqualTo(new[] { "identity: MULTIPLEX,SAMPLE METER,0,1.0", "service requested: meter", "status: 0x50", "measured: 4.200 V" }));

    [Test]
    public void The_nfs_client_lists_a_directory_and_copies_a_file_from_and_to_the_server()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory(), state = Directory.CreateTempSubdirectory();
        try
        {
            byte[] content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)i)];
            Directory.CreateDirectory(Path.Combine(folder.FullName, "sub"));
            File.WriteAllBytes(Path.Combine(folder.FullName, "sub/data"), content);
            for (int i = 0; i < 300; i++)
                File.WriteAllText(Path.Combine(folder.FullName, $"file {i}"), "four");
            using ServerProcess server = ServerProcess.Start("pool", "nfs", ListenForm.Tcp, "--export", $"{folder.FullName}=/x,insecure,no_root_squash", "--state", state.FullName);
            string url = $"nfs://127.0.0.1:{server.Address.Port}/x";
            string[] listed = [.. Run("nfs", url).Lines.Select(line => line.Trim())];
            Assert.That(listed, Is.SupersetOf(Enumerable.Range(0, 300).Select(i => $"4 file {i}")).And.Some.EndsWith(" sub"));
            Assert.That(Run("nfs", url, "sub/data").Output, Is.EqualTo(content));
            Run("nfs", url, "copy", Path.Combine(folder.FullName, "sub/data"));
            Assert.That(File.ReadAllBytes(Path.Combine(folder.FullName, "copy")), Is.EqualTo(content));
        }
        finally
        {
            folder.Delete(recursive: true);
            state.Delete(recursive: true);
        }
    }

    // The tests' own configuration and framework: docs/samples/NAME/bin/Release/net10.0/NAME.dll.
    private static ProgramRun Run(string name, params string[] arguments)
    {
        string[] ours = AppContext.BaseDirectory.TrimEnd('/').Split('/');
        string program = Path.Combine(Repository.Root, "docs/samples", name, "bin", ours[^2], ours[^1], $"{name}.dll");
        return ProgramRun.Successfully(Tools.Require("dotnet"), [program, .. arguments]);
    }
}
