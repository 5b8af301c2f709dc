using System.Text;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Protocol;
using Multiplex.Nfs.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Nfs;

/// <summary>The programs in this process: properties that no client can see.</summary>
public class NfsServerTests
{
    private string _folder = null!;
    private string _tree = null!;

    [SetUp]
    public void MakeTree()
    {
        _folder = Directory.CreateTempSubdirectory("multiplex-nfs-").FullName;
        _tree = Path.Combine(_folder, "tree");
        Directory.CreateDirectory(Path.Combine(_tree, "d"));
        File.WriteAllText(Path.Combine(_folder, "canary"), "untouched");
        for (int i = 0; i < 20; i++)
            File.WriteAllText(Path.Combine(_tree, $"file{i}"), $"{i}");
    }

    [TearDown]
    public void RemoveTree()
    {
        foreach (string folder in (string[])[_tree, Path.Combine(_tree, "d")])
            chmod(folder, 0x1C0 /* rwx------: a call may have set another mode */);
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void A_call_allocates_nothing() => InItsThread(protocol =>
    {
        Eventually.Holds(() => DateTime.UtcNow - File.GetLastWriteTimeUtc(_tree) > TimeSpan.FromSeconds(3), "the directory is to be kept from the first listing on");
        byte[] root = MountRoot(protocol), file = Handle(protocol, root, "file7");
        (NfsV3Procedure Procedure, byte[] Arguments)[] calls =
        [
            (NfsV3Procedure.Getattr, Arguments(w => w.WriteOpaque(file))),
            (NfsV3Procedure.Lookup, Arguments(w => { w.WriteOpaque(root); w.WriteOpaque("file7"u8); })),
            (NfsV3Procedure.Access, Arguments(w => { w.WriteOpaque(file); w.WriteUInt32(0x3F); })),
            (NfsV3Procedure.Read, Arguments(w => { w.WriteOpaque(file); w.WriteUInt64(0); w.WriteUInt32(4096); })),
            (NfsV3Procedure.Write, Arguments(w => { w.WriteOpaque(file); w.WriteUInt64(0); w.WriteUInt32(2); w.WriteUInt32(0); w.WriteOpaque("ab"u8); })),
            (NfsV3Procedure.Commit, Arguments(w => { w.WriteOpaque(file); w.WriteUInt64(0); w.WriteUInt32(0); })),
            (NfsV3Procedure.Setattr, Arguments(w => { w.WriteOpaque(file); w.WriteBool(true); w.WriteUInt32(0x1A4); w.WriteFixedOpaque(new byte[6 * 4]); })),
            (NfsV3Procedure.Readdir, Arguments(w => { w.WriteOpaque(root); w.WriteUInt64(0); w.WriteUInt64(0); w.WriteUInt32(4096); })),
            (NfsV3Procedure.Readdirplus, Arguments(w => { w.WriteOpaque(root); w.WriteUInt64(0); w.WriteUInt64(0); w.WriteUInt32(4096); w.WriteUInt32(8192); })),
            (NfsV3Procedure.Fsstat, Arguments(w => w.WriteOpaque(root))),
            (NfsV3Procedure.Fsinfo, Arguments(w => w.WriteOpaque(root))),
        ];
        OutputBuffer reply = new(64 * 1024);
        foreach ((NfsV3Procedure procedure, byte[] arguments) in calls)
        {
            byte[] call = Call(NfsV3.Program, (uint)procedure, arguments);
            AllocationRounds rounds = new(100);
            while (rounds.Next())
                Answer(protocol, call, reply);
            Assert.That(reply.Written[24..28].ToArray(), Is.EqualTo(new byte[4]), $"{procedure} is NFS3_OK");
            Assert.That(rounds.Least, Is.Zero, $"{procedure}");
        }
    });

    [Test]
    public void Calls_with_anything_in_them_are_answered_and_reach_nothing_outside_and_leave_no_descriptor() => InItsThread(protocol =>
    {
        Random random = new(20_813);
        byte[] root = MountRoot(protocol), directory = Handle(protocol, root, "d");
        byte[][] handles = [root, directory, .. Enumerable.Range(0, 20).Select(i => Handle(protocol, root, $"file{i}"))];
        string[] names = ["d", "file0", "file1", ".", "..", "../canary", "/", "", "new", "\0", new('n', 300), "a\nb", "ÿ"];
        OutputBuffer reply = new(64 * 1024);
        int open = 0;
        for (int i = 0; i < 20_000; i++)
        {
            uint procedure = (uint)random.Next(0, 23);
            byte[] arguments = Arguments(w =>
            {
                for (int field = random.Next(1, 8); field > 0; field--)
                    WriteAnything(w);
            });
            Answer(protocol, Call(random.Next(8) == 0 ? MountV3.Program : NfsV3.Program, procedure, arguments), reply);
            Assert.That(reply.Length, Is.AtLeast(24));
            if (i == 10_000)
                open = Open();
        }

        Assert.That(File.ReadAllText(Path.Combine(_folder, "canary")), Is.EqualTo("untouched"));
        Assert.That(Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName), Is.EquivalentTo((string[])["canary", "state", "tree"]));
        Assert.That(Open(), Is.LessThanOrEqualTo(open + 32), "no more than the files that may be held open");

        static int Open() => Directory.GetFiles("/proc/self/fd").Length;

        void WriteAnything(XdrWriter w)
        {
            byte[] handle = handles[random.Next(handles.Length)];
            switch (random.Next(7))
            {
                case 0 or 1:
                    w.WriteOpaque(handle);
                    break;
                case 2:
                    w.WriteOpaque(Encoding.Latin1.GetBytes(names[random.Next(names.Length)]));
                    break;
                case 3:
                    w.WriteUInt32((uint)random.Next(-2, 4));
                    break;
                case 4:
                    w.WriteUInt64((ulong)random.NextInt64(-2, 1 << 20));
                    break;
                case 5:
                    byte[] forged = [.. handle];
                    forged[random.Next(forged.Length)] ^= (byte)(1 << random.Next(8));
                    w.WriteOpaque(forged);
                    break;
                default:
                    byte[] bytes = new byte[random.Next(0, 64) * 4];
                    random.NextBytes(bytes);
                    w.WriteFixedOpaque(bytes);
                    break;
            }
        }
    });

    // A thread that runs calls keeps the user of the last one.
    private void InItsThread(Action<RpcProtocol> test)
    {
        Exception? failure = null;
        Thread thread = new(() =>
        {
            using ServerCounters counters = new();
            Export export = new(_tree, "/x") { AllSquash = true, AnonymousUser = geteuid(), AnonymousGroup = getegid(), Async = true };
            using NfsServer server = new(new() { Exports = [export], StateDirectory = Path.Combine(_folder, "state"), OpenFiles = 8 }, counters);
            using RpcProtocol protocol = new(server.Programs) { Replies = null, OnFailure = e => failure ??= e };
            protocol.Open(counters);
            try
            {
                test(protocol);
            }
            catch (Exception e)
            {
                failure ??= e;
            }
        });
        uint mask = umask(0);   // the server sets it to that
        thread.Start();
        thread.Join();
        umask(mask);
        if (failure is not null)
            throw new AssertionException(failure.Message, failure);
    }

    private static void Answer(RpcProtocol protocol, byte[] call, OutputBuffer reply)
    {
        reply.Clear();
        protocol.AnswerMessage(call, new Peer(EndpointKind.Unix, default), reply);
    }

    private static byte[] MountRoot(RpcProtocol protocol) => ReadHandle(protocol, MountV3.Program, (uint)MountV3Procedure.Mnt, Arguments(w => w.WriteOpaque("/x"u8)));

    private static byte[] Handle(RpcProtocol protocol, byte[] directory, string name) => ReadHandle(
        protocol, NfsV3.Program, (uint)NfsV3Procedure.Lookup, Arguments(w => { w.WriteOpaque(directory); w.WriteOpaque(Encoding.UTF8.GetBytes(name)); }));

    private static byte[] ReadHandle(RpcProtocol protocol, uint program, uint procedure, byte[] arguments)
    {
        OutputBuffer reply = new();
        Answer(protocol, Call(program, procedure, arguments), reply);
        XdrReader results = new(reply.Written[24..]);
        Assert.That(results.ReadUInt32(), Is.Zero);
        return results.ReadOpaque(64).ToArray();
    }

    private static byte[] Call(uint program, uint procedure, byte[] arguments) => Arguments(w =>
    {
        foreach (uint word in (ReadOnlySpan<uint>)[1, 0, 2, program, 3, procedure, 0, 0, 0, 0])
            w.WriteUInt32(word);
        w.WriteFixedOpaque(arguments);
    });

    private static byte[] Arguments(Write write)
    {
        OutputBuffer output = new();
        write(new XdrWriter(output));
        return output.Written.ToArray();
    }

    private delegate void Write(XdrWriter writer);
}
