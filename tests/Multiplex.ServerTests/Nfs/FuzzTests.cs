using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Multiplex.Rpc;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>
/// Invented calls: see <see cref="NfsFuzzer"/>. They end no server, reach nothing outside of the export, where a canary lies, and leave neither
/// descriptors nor memory behind. As many as fit into a test; with MULTIPLEX_FUZZ=10m for so long, over all models.
/// </summary>
public sealed class FuzzTests
{
    private const int Threads = 3, CallsOfATest = 20_000, OpenFiles = 64;

    private static readonly string[] s_models = ["pool", "epoll", "hybrid"];

    [TestCaseSource(nameof(s_models))]
    public void Calls_that_are_made_up_harm_nothing(string model)
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TimeSpan? duration = Environment.GetEnvironmentVariable("MULTIPLEX_FUZZ") is { Length: > 0 } text
            ? TimeSpan.FromMinutes(double.Parse(text.TrimEnd('m'), System.Globalization.CultureInfo.InvariantCulture)) / s_models.Length
            : null;
        using NfsExport export = new(model, more: ["--open-files", $"{OpenFiles}"]);
        byte[] secret = Guid.NewGuid().ToByteArray();
        Directory.CreateDirectory(export.Outside("canary/below"));
        File.WriteAllBytes(export.Outside("canary/below/secret"), secret);
        File.WriteAllText(export.Outside("beside"), "beside");
        string before = Surroundings(export);

        Run run = new(export, secret, duration);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(() => run.Call(seed + i, uid: i == 0 ? 0u : 1000u + (uint)i)))];
        foreach (Thread thread in threads)
            thread.Start();
        List<long> memory = [];   // at each tenth
        while (threads.FirstOrDefault(thread => thread.IsAlive) is { } thread)
        {
            thread.Join(TimeSpan.FromMilliseconds(100));
            if (run.Done * 10 >= memory.Count)
                memory.Add(Memory(export));
        }

        Assert.That(run.Problems, Is.Empty, () => $"seed {seed}");
        using (NfsPeer peer = export.Connect())
            Assert.That(peer.Getattr(peer.Root()).Status, Is.EqualTo(Multiplex.Nfs.Protocol.Nfsstat3.Nfs3Ok), "the server goes on");
        Assert.That(Surroundings(export), Is.EqualTo(before), () => $"something outside of the export was reached: seed {seed}");
        int descriptors = Directory.GetFiles($"/proc/{export.Server.Id}/fd").Length;
        memory.Add(Memory(export));
        TestContext.Out.WriteLine(
            $"{model}: {run.Calls} calls, {run.Answered} with results, {run.Cleanings} times all files removed; {descriptors} descriptors; memory in MiB: {string.Join(' ', memory.Select(bytes => bytes >> 20))}");
        Assert.That(descriptors, Is.LessThan((3 * OpenFiles) + 64));
        Assert.That(memory[^1], Is.LessThan(memory[memory.Count / 2] + (32 << 20)), "memory grows");
        Assert.That(run.Answered, Is.GreaterThan(run.Calls / 4), "most calls are understood");
    }

    // Everything outside the export: names, types, modes, owners, sizes, times of change, and contents.
    private static string Surroundings(NfsExport export) => string.Join('\n', ProgramRun.Successfully(
        "find", [export.Outside(""), "-path", export.Root, "-prune", "-o", "-printf", "%p %y %m %U %G %s %T@ %C@ %n %l\n", "-type", "f", "-exec", "sha256sum", "{}", ";"]).Lines);

    private static long Memory(NfsExport export) => Process.GetProcessById(export.Server.Id).WorkingSet64;

    private sealed class Run(NfsExport export, byte[] secret, TimeSpan? duration)
    {
        private const int CleanAfter = 20_000;

        private readonly Stopwatch _elapsed = Stopwatch.StartNew();
        private long _calls, _answered, _cleanings;

        public ConcurrentQueue<string> Problems { get; } = [];

        public long Calls => Interlocked.Read(ref _calls);

        public long Answered => Interlocked.Read(ref _answered);

        public long Cleanings => Interlocked.Read(ref _cleanings);

        /// <summary>The share that is done: 1 at the end.</summary>
        public double Done => duration is { } time ? _elapsed.Elapsed / time : (double)Calls / (Threads * CallsOfATest);

        public void Call(int seed, uint uid)
        {
            try
            {
                NfsFuzzer fuzzer = new(seed);
                using NfsPeer peer = export.Connect(uid, uid);
                byte[] root = peer.Root().Data;
                fuzzer.Keep(root);
                for (int i = 0; Problems.IsEmpty && (duration is { } time ? _elapsed.Elapsed < time : i < CallsOfATest); i++)
                {
                    if (uid == 0 && i % CleanAfter == 0)
                        Clean();
                    if (i % 500 == 0)
                        SendNoise(new Random(seed + i));
                    Call(peer, fuzzer);
                }
            }
            catch (Exception e)
            {
                Problems.Enqueue($"{e}");
            }
        }

        private void Call(NfsPeer peer, NfsFuzzer fuzzer)
        {
            Interlocked.Increment(ref _calls);
            (RpcProcedure procedure, byte[] arguments, Func<byte[], string?> problem) = fuzzer.Next();
            byte[] results;
            try
            {
                results = peer.Client.Call<byte[], byte[]>(procedure, arguments, static (writer, bytes) => writer.WriteFixedOpaque(bytes), TakeAll);
            }
            catch (RpcException e) when (e is RpcGarbageArgumentsException or RpcProcedureUnavailableException)
            {
                return;
            }

            Interlocked.Increment(ref _answered);
            if (problem(results) is { } wrong)
                Problems.Enqueue(wrong);
            if (results.AsSpan().IndexOf(secret) >= 0)
                Problems.Enqueue($"{procedure} with {Convert.ToHexString(arguments)} reads what lies outside of the export");
        }

        // Removes everything, so that handles become stale, and makes links that lead out of the export.
        private void Clean()
        {
            Interlocked.Increment(ref _cleanings);
            ProgramRun.Of("find", [export.Root, "-mindepth", "1", "-delete"]);   // others make files meanwhile
            ProgramRun.Of("sh", ["-c", "chmod 1777 .; ln -sT ../canary out; ln -sT .. up; ln -sT / root; mkdir f0"], folder: export.Root);
        }

        // Bytes that are no call.
        private void SendNoise(Random random)
        {
            byte[] noise = new byte[random.Next(1, 3000)];
            random.NextBytes(noise);
            if (random.Next(2) == 0)
                noise[0] = 0x80;
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(export.Server.Address.EndPoint);
            socket.Send(noise);
        }

        private static byte[] TakeAll(ref Rpc.Xdr.XdrReader results)
        {
            byte[] all = results.Rest.ToArray();
            results.Skip(all.Length);
            return all;
        }
    }
}
