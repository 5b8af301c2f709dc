using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests;

public class ServerCountersTests
{
    private TemporaryDirectory _directory = null!;

    [OneTimeSetUp]
    public void Register_the_counters_of_protocols() => (_, _) = (Counter.Calls, Counter.Sum);

    [SetUp]
    public void Make_a_directory() => _directory = new();

    [TearDown]
    public void Remove_the_directory() => _directory.Dispose();

    [Test]
    public void All_are_zero_at_first_and_each_counts_for_itself()
    {
        using ServerCounters counters = new();
        Assert.Multiple(() =>
        {
            foreach (Counter counter in Enum.GetValues<Counter>())
                Assert.That(counters[counter], Is.Zero, counter.ToString());
            foreach (Counter counter in Enum.GetValues<Counter>())
                Assert.That(counters.Add(counter, 100 + (int)counter), Is.EqualTo(100 + (int)counter));
            foreach (Counter counter in Enum.GetValues<Counter>())
                Assert.That(counters.Increment(counter), Is.EqualTo(101 + (int)counter), counter.ToString());
        });
    }

    [Test]
    public void Threads_that_count_at_once_lose_nothing()
    {
        const int Threads = 4, Each = 50_000;
        using ServerCounters counters = new();
        Background<bool>[] threads = [.. Enumerable.Range(0, Threads).Select(_ => Background.Run(() =>
        {
            for (int j = 0; j < Each; j++)
                counters.Increment(Counter.Calls);
        }))];
        Array.ForEach(threads, thread => thread.Result());
        Assert.That(counters[Counter.Calls], Is.EqualTo(Threads * Each));
    }

    [Test]
    public void Threads_that_accept_at_once_never_pass_the_limit()
    {
        const int Threads = 4, Each = 20_000, Most = 3;
        using ServerCounters counters = new();
        Background<long>[] threads = [.. Enumerable.Range(0, Threads).Select(_ => Background.Run(() =>
        {
            long most = 0;
            for (int j = 0; j < Each; j++)
            {
                if (!counters.TryCountAccepted(Most, out long open))
                    continue;
                most = Math.Max(most, open);
                counters.Increment(Counter.Closed);
            }

            return most;
        }))];
        Assert.That(threads.Max(thread => thread.Result()), Is.InRange(1, Most));
        Assert.That(counters[Counter.Accepted], Is.EqualTo(counters[Counter.Closed]));
        Assert.That(Enumerable.Range(0, Most + 1).Select(_ => counters.TryCountAccepted(Most, out long _)), Is.EqualTo((bool[])[true, true, true, false]));
    }

    [Test]
    public void Counters_in_a_file_can_be_read_while_they_count()
    {
        using ServerCounters counters = new(_directory["counters"]);
        using ServerCounters reader = ServerCounters.OpenReadOnly(_directory["counters"]);
        Assert.That(reader[Counter.Calls], Is.Zero);
        counters.Add(Counter.Calls, 42);
        counters.Increment(Counter.Stopping);
        Assert.That(reader[Counter.Calls], Is.EqualTo(42));
        Assert.That(reader[Counter.Stopping], Is.EqualTo(1));
    }

    [Test]
    public void Counters_in_a_file_outlive_the_server_and_start_again_from_zero_with_the_next()
    {
        using (ServerCounters counters = new(_directory["counters"]))
            counters.Add(Counter.Calls, 42);
        using (ServerCounters reader = ServerCounters.OpenReadOnly(_directory["counters"]))
            Assert.That(reader[Counter.Calls], Is.EqualTo(42));
        using ServerCounters next = new(_directory["counters"]);
        Assert.That(next[Counter.Calls], Is.Zero);
    }

    [Test]
    public void A_file_that_is_not_there_is_refused() => Assert.That(
        () => ServerCounters.OpenReadOnly(_directory["none"]),
        Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(ENOENT).And.Message.Contains(_directory["none"]));

    [Test]
    public void A_file_that_is_too_short_is_refused()
    {
        // To read a mapping past the end of its file is SIGBUS, which ends the process.
        File.WriteAllBytes(_directory["short"], new byte[64]);
        Assert.That(
            () => ServerCounters.OpenReadOnly(_directory["short"]),
            Throws.InstanceOf<IOException>().With.Message.Contains(_directory["short"]));
    }

    [Test]
    public void A_summary_tells_what_has_happened_and_nothing_else()
    {
        using ServerCounters counters = new();
        Assert.That(counters.Summary(), Is.Empty);
        counters.Add(Counter.Calls, 3);
        counters.Increment(Counter.Accepted);
        counters.Increment(Counter.Stopping);
        Assert.That(counters.Summary(), Is.EqualTo("Accepted=1 Calls=3"));
    }

    [Test]
    public void A_file_tells_the_names_and_values_of_its_counters_by_itself()
    {
        using ServerCounters counters = new(_directory["counters"]);
        counters.Add(Counter.Calls, 42);
        using CountersFile file = CountersFile.Open(_directory["counters"]);
        Assert.That(file.Names.Take(Enum.GetNames<Counter>().Length), Is.EqualTo(Enum.GetNames<Counter>()));
        Assert.That(file.Names, Does.Contain("Calls"));
        Assert.That(file.Process, Is.EqualTo(Environment.ProcessId));
        Assert.That(file.Read().Where(one => one.Value != 0), Is.EqualTo(new[] { KeyValuePair.Create("Calls", 42L) }));

        // As a program reads it that knows only the documented layout.
        byte[] bytes = File.ReadAllBytes(_directory["counters"]);
        Assert.That(System.Text.Encoding.ASCII.GetString(bytes, 0, 8), Is.EqualTo("MPXCOUNT"));
        Assert.That((BitConverter.ToInt32(bytes, 8), BitConverter.ToInt32(bytes, 12)), Is.EqualTo((1, file.Names.Count)));
        int line = 64 * (1 + (int)Counter.Calls);
        Assert.That(BitConverter.ToInt64(bytes, line), Is.EqualTo(42));
        Assert.That(System.Text.Encoding.ASCII.GetString(bytes, line + 8, 6), Is.EqualTo("Calls\0"));
    }

    [Test]
    public void A_protocol_registers_its_counters_once_and_the_servers_that_run_then_tell_their_names()
    {
        using ServerCounters counters = new(_directory["counters"]);
        string name = $"Registered{Guid.NewGuid():N}";
        Counter counter = ServerCounters.Register(name);
        Assert.That(ServerCounters.Register(name), Is.EqualTo(counter));
        Assert.That((ServerCounters.NameOf(counter), counters[counter]), Is.EqualTo((name, 0L)));
        counters.Add(counter, 5);
        using (ServerCounters before = ServerCounters.OpenReadOnly(_directory["counters"]))
            Assert.That(before[counter], Is.Zero, "the file does not name it yet");
        using StopSource stop = StopSignal.ByRequest();
        _ = new Service([], new Multiplex.Protocols.EchoProtocol(), new(), counters, stop);
        using ServerCounters reader = ServerCounters.OpenReadOnly(_directory["counters"]);
        using CountersFile file = CountersFile.Open(_directory["counters"]);
        Assert.That((reader[counter], file.Read()[name]), Is.EqualTo((5L, 5L)));
        Assert.That(counters.Summary(), Is.EqualTo($"{name}=5"));
    }

    [Test]
    public void Counters_of_another_process_are_found_by_their_names_in_whatever_order_it_registered_them()
    {
        using (ServerCounters counters = new(_directory["counters"]))
            (_, _) = (counters.Add(Counter.Calls, 1), counters.Add(Counter.Sum, 2));
        byte[] bytes = File.ReadAllBytes(_directory["counters"]);
        Span<byte> calls = bytes.AsSpan(64 * (1 + (int)Counter.Calls), 64), sum = bytes.AsSpan(64 * (1 + (int)Counter.Sum), 64);
        byte[] other = calls.ToArray();
        sum.CopyTo(calls);
        other.CopyTo(sum);
        File.WriteAllBytes(_directory["swapped"], bytes);
        using ServerCounters reader = ServerCounters.OpenReadOnly(_directory["swapped"]);
        Assert.That((reader[Counter.Calls], reader[Counter.Sum]), Is.EqualTo((1L, 2L)));
    }

    [Test]
    public void Counters_in_memory_are_found_by_the_process()
    {
        using ServerCounters counters = ServerCounters.Watchable();
        counters.Add(Counter.Accepted, 7);
        using CountersFile file = CountersFile.OfProcess(Environment.ProcessId);
        Assert.That(file.Read()["Accepted"], Is.EqualTo(7));
    }

    [Test]
    public void Every_name_has_room_in_its_line() =>
        Assert.That(Enum.GetNames<Counter>().Select(name => name.Length), Is.All.LessThan(56));

    [Test]
    public void Counting_allocates_nothing()
    {
        using ServerCounters counters = new();
        AllocationRounds rounds = new();
        while (rounds.Next())
            counters.Increment(Counter.Calls);
        Assert.That(rounds.Least, Is.Zero);
    }
}
