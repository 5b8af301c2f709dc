using System.Buffers.Binary;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload.Files;

/// <summary>
/// Calls of NFS on the files of a tree. The request's number is its xid, and determines the procedure, the file and the offset, so a reply
/// can be checked without stored data about its call. The content of a file never changes, so each READ is checked byte for byte.
/// </summary>
internal sealed class FilesExchange : Exchange
{
    private const int Attributes = 84;          // bytes of fattr3
    private const int WeakAttributes = 24;      // bytes of wcc_attr
    private const int MostAround = 1024;        // bytes of a call or reply beside its data: heads, a handle or two, attributes, a name

    private readonly FileTree _tree;
    private readonly WeightedChoice<(FileCall Call, int Size)> _calls;
    private readonly RpcAuthentication _authentication = RpcAuthentication.Sys();
    private readonly bool _inRecords;
    private readonly ReplyFrames _frames;
    private readonly SortedDictionary<string, long> _failures = new(StringComparer.Ordinal);

    public FilesExchange(FileTree tree)
    {
        FileMix mix = tree.Mix;
        _tree = tree;
        _inRecords = tree.Server!.Kind.IsStream();
        _frames = new(_inRecords);
        double allSizes = mix.Sizes.Sum(size => size.Weight);
        _calls = new([.. mix.Calls.SelectMany(call => call.Value is FileCall.Read or FileCall.Write
            ? mix.Sizes.Select(size => new Weighted<(FileCall, int)>((call.Value, size.Value), call.Weight * size.Weight / allSizes))
            : [new((call.Value, 0), call.Weight)])]);
        LongestRequest = MostAround + Longest(FileCall.Write);
        LongestReply = MostAround + Math.Max(Longest(FileCall.Read), FileMix.ListBytes);
    }

    /// <inheritdoc/>
    public override int LongestRequest { get; }

    /// <inheritdoc/>
    public override int LongestReply { get; }

    /// <inheritdoc/>
    public override bool HasCallsOfServer => true;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, long> Failures => _failures;

    /// <inheritdoc/>
    public override void Write(OutputBuffer batch, uint sequence)
    {
        int start = _inRecords ? RecordMarking.Begin(batch) : 0;
        (FileCall call, int size) = _calls.Of(sequence);
        XdrWriter writer = CallWriter.Head(batch, sequence, ProcedureOf(call), _authentication);
        if (call == FileCall.Readdirplus)
            WriteList(writer, PageOf(sequence));
        else
            WriteCall(writer, call, FileOf(sequence), OffsetOf(sequence, size), size);
        if (_inRecords)
            RecordMarking.End(batch, start);
    }

    /// <inheritdoc/>
    public override ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        sequence = due;
        if (_frames.Find(received, out length, out ReadOnlySpan<byte> message) is { } none)
            return none;
        if (ReplyFrames.IsCall(message, NfsV3.Program))
            return ReplyOutcome.Call;
        if (message.Length < sizeof(uint))
            return ReplyOutcome.Wrong;
        if (!ReplyFrames.TryOpen(ref message, out sequence))
            return ReplyOutcome.Wrong;
        XdrReader results = new(message);
        uint status = results.ReadUInt32();
        if (status == (uint)Nfsstat3.Nfs3Ok)
            return IsRight(ref results, sequence) ? ReplyOutcome.Right : ReplyOutcome.Wrong;
        string name = NfsException.NameOf((Nfsstat3)status);
        _failures[name] = _failures.GetValueOrDefault(name) + 1;
        return ReplyOutcome.Wrong;
    }

    private static RpcProcedure ProcedureOf(FileCall call) => call switch
    {
        FileCall.Getattr => NfsV3.Getattr,
        FileCall.Lookup => NfsV3.Lookup,
        FileCall.Read => NfsV3.Read,
        FileCall.Write => NfsV3.Write,
        _ => NfsV3.Readdirplus,
    };

    private static void WriteList(XdrWriter writer, TreePage page)
    {
        writer.WriteOpaque(page.Directory);
        writer.WriteUInt64(page.Cookie);
        writer.WriteFixedOpaque(page.Verifier);
        writer.WriteUInt32(FileMix.ListBytes);   // dircount
        writer.WriteUInt32(FileMix.ListBytes);   // maxcount
    }

    private void WriteCall(XdrWriter writer, FileCall call, int index, int offset, int size)
    {
        TreeFile file = _tree.Files[index];
        writer.WriteOpaque(call == FileCall.Lookup ? file.Directory : file.Handle);
        if (call == FileCall.Lookup)
        {
            writer.WriteOpaque(file.Name);
        }
        else if (call is FileCall.Read or FileCall.Write)
        {
            writer.WriteUInt64((ulong)offset);
            writer.WriteUInt32((uint)size);
            if (call == FileCall.Read)
                return;
            writer.WriteUInt32((uint)StableHow.Unstable);
            writer.WriteOpaque(_tree.Content(index, offset, size));
        }
    }

    // What comes after the status: RFC 1813 section 3.3.
    private bool IsRight(ref XdrReader results, uint sequence)
    {
        (FileCall call, int size) = _calls.Of(sequence);
        int index = FileOf(sequence);
        return call switch
        {
            FileCall.Getattr => IsFile(results.ReadFixedOpaque(Attributes), _tree.Files[index]),
            FileCall.Lookup => results.ReadOpaque(Nfs3Constants.Nfs3Fhsize).SequenceEqual(_tree.Files[index].Handle)
                && SkipIfThere(ref results, Attributes) && SkipIfThere(ref results, Attributes),
            FileCall.Read => IsRead(ref results, _tree.Content(index, OffsetOf(sequence, size), size)),
            FileCall.Write => SkipIfThere(ref results, WeakAttributes) && SkipIfThere(ref results, Attributes) && IsWritten(ref results, (uint)size),
            _ => IsList(ref results, PageOf(sequence)),
        } && results.IsComplete;
    }

    private bool IsFile(ReadOnlySpan<byte> attributes, TreeFile file)
    {
        const int SizeAt = 20, FileIdAt = 52;
        return attributes.Length == Attributes
            && BinaryPrimitives.ReadUInt32BigEndian(attributes) == (uint)Ftype3.Nf3reg
            && BinaryPrimitives.ReadUInt64BigEndian(attributes[SizeAt..]) == (ulong)_tree.Mix.FileBytes
            && BinaryPrimitives.ReadUInt64BigEndian(attributes[FileIdAt..]) == file.Id;
    }

    private static bool IsRead(ref XdrReader results, ReadOnlySpan<byte> expected) =>
        SkipIfThere(ref results, Attributes)
        && results.ReadUInt32() == expected.Length
        && results.ReadUInt32() <= 1   // eof
        && results.ReadOpaque(expected.Length).SequenceEqual(expected);

    private static bool IsWritten(ref XdrReader results, uint size)
    {
        bool isWhole = results.ReadUInt32() == size && results.ReadUInt32() <= (uint)StableHow.FileSync;
        results.Skip(Nfs3Constants.Nfs3Writeverfsize);
        return isWhole;
    }

    // Checks that there is at least one entry, that the entries follow the cookie, and that eof is set only at the end. The server chooses their number.
    private static bool IsList(ref XdrReader results, TreePage page)
    {
        if (!SkipIfThere(ref results, Attributes))
            return false;
        results.Skip(Nfs3Constants.Nfs3Cookieverfsize);
        int next = page.First;
        for (; results.ReadBool(); next++)
        {
            results.Skip(sizeof(ulong));   // fileid
            if (next == page.Names.Length || !results.ReadOpaque(byte.MaxValue).SequenceEqual(page.Names[next]))
                return false;
            results.Skip(sizeof(ulong));   // cookie
            if (!SkipIfThere(ref results, Attributes))
                return false;
            if (results.ReadBool())
                results.ReadOpaque(Nfs3Constants.Nfs3Fhsize);
        }

        bool isLast = results.ReadBool();
        return next > page.First && (!isLast || next == page.Names.Length);
    }

    private static bool SkipIfThere(ref XdrReader results, int count)
    {
        if (results.ReadBool())
            results.Skip(count);
        return !results.HasFailed;
    }

    private int FileOf(uint sequence) => (int)(Scatter.Of(sequence + 1) % (uint)_tree.Files.Length);

    private TreePage PageOf(uint sequence) => _tree.Pages[Scatter.Of(sequence + 1) % (uint)_tree.Pages.Length];

    private int OffsetOf(uint sequence, int size) => size == 0 ? 0 : (int)(Scatter.Of(~sequence) % (uint)(_tree.Mix.FileBytes / size)) * size;

    private int Longest(FileCall call) => _tree.Mix.Calls.Any(one => one.Value == call) ? _tree.Mix.Sizes.Max(size => size.Value) : 0;
}
