using Multiplex.ServerTests.Harness;
using Multiplex.TestServers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>What RpcServer does with a contract whose procedures are not async, on every model; models that fork run in a native process.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Models))]
public sealed class TallyContractTests(string model)
{
    [Test]
    public async Task Every_form_of_method_is_answered()
    {
        using ServerProcess server = Start();
        await using RpcClient client = await Connect(server);
        ITally tally = client.Create<ITally>();
        Assert.That((tally.Add(1), tally.Add(2)), Is.EqualTo((1UL, 3UL)));
        tally.Note(3);
        Assert.That(tally.Add(0), Is.EqualTo(6));
        string[] words = tally.Describe("you").Split(' ');
        Assert.That(words[1..3], Is.EqualTo(new[] { "you", "TallyV1.Describe" }));
        Assert.That(words[3], Does.StartWith("tcp://127.0.0.1:"));
        Assert.That(int.Parse(words[0]) != server.Id, Is.EqualTo(Cells.Forks(model)), "the process that answers is another one where the model forks");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(5));
    }

    [Test]
    public async Task The_exception_of_a_procedure_is_written_to_standard_error_and_the_server_goes_on()
    {
        using ServerProcess server = Start();
        await using RpcClient client = await Connect(server);
        ITally tally = client.Create<ITally>();
        Assert.That(tally.Fail, Throws.InstanceOf<RpcSystemErrorException>());
        Assert.That(tally.Add(1), Is.EqualTo(1));
        Eventually.Holds(() => server.Errors.Any(line => line.StartsWith("multiplex: a procedure failed: System.InvalidOperationException: as it was asked", StringComparison.Ordinal)), "the failure is written");
    }

    [Test, SeveralClients]
    public async Task Many_connections_come_and_go()
    {
        const int Clients = 40, AtATime = 4;
        using ServerProcess server = Start();
        await Parallel.ForAsync(0, Clients, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (i, _) =>
        {
            await using RpcClient client = await Connect(server);
            Assert.That(client.Create<ITally>().Describe($"{i}"), Does.Contain($" {i} TallyV1.Describe "));
        });
        Assert.That(server.Stop(), Is.Zero);
        Assert.That((server.FinalCount(Counter.Accepted), server.FinalCount(Counter.Calls)), Is.EqualTo((Clients, Clients)));
        Eventually.Holds(() => server.Processes().Count == 0, "no process is left");
    }

    private ServerProcess Start() => ServerProcess.StartProgram(ServerProcess.TestServers, ["tally", model, ListenForm.Tcp.NewEndpoint()]);

    private static Task<RpcClient> Connect(ServerProcess server) => RpcClient.ConnectAsync(server.Address.Text, new() { Timeout = Eventually.Deadline });
}
