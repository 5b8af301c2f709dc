using System.Buffers.Binary;
using System.Globalization;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Server;

/// <summary>
/// The one table of a server from (program, version, procedure) to an entry, made once. Open addressing with linear probing; at most half of the
/// rows are taken, so a lookup reads one or two of them.
/// </summary>
internal sealed class DispatchTable
{
    private static readonly ProcedureEntry s_null = new(0, DoNothing);

    private readonly (uint Program, uint Version)[] _versions;
    private readonly Dictionary<(uint, uint), string?> _names;
    private readonly Row[] _rows;
    private readonly int _shift;

    /// <summary>Makes the table of these programs.</summary>
    /// <exception cref="ArgumentException">A version of a program, or a procedure of one, is there twice.</exception>
    public DispatchTable(IRpcProgram[] programs)
    {
        _versions = [.. programs.Select(program => (program.Number, program.Version))];
        if (_versions.Distinct().Count() < _versions.Length)
            throw new ArgumentException("a version of a program is there twice", nameof(programs));
        _names = programs.ToDictionary(program => (program.Number, program.Version), program => program.Name);
        Row[] entries = [.. programs.SelectMany(Rows)];
        int bits = 1 + (int)uint.Log2((2 * (uint)entries.Length) | 1);
        _rows = new Row[1 << bits];
        _shift = 32 - bits;
        for (int number = 0; number < entries.Length; number++)
        {
            Row entry = entries[number] with { Number = number };
            ref Row row = ref RowOf(entry.Program, entry.Version, entry.Procedure);
            if (row.Entry is not null)
                throw new ArgumentException($"version {entry.Version} of program {entry.Program} has procedure {entry.Procedure} twice", nameof(programs));
            row = entry;
        }

        Procedures =
        [
            .. entries.Select(one => new ProcedureName(
                _names[(one.Program, one.Version)] ?? RpcTelemetry.NameOfProgram(one.Program),
                one.Version,
                one.Entry!.Name ?? one.Procedure.ToString(CultureInfo.InvariantCulture))),
        ];
        AnswersLate = entries.Any(row => row.Entry!.IsAsync);
        AreAllIdempotent = entries.All(row => row.Entry!.IsIdempotent);
    }

    /// <summary>Whether each call may be run again, so that no reply needs to be kept.</summary>
    public bool AreAllIdempotent { get; }

    /// <summary>The procedures' names, in the order of their numbers.</summary>
    public IReadOnlyList<ProcedureName> Procedures { get; }

    /// <summary>Whether some procedures are async.</summary>
    public bool AnswersLate { get; }

    /// <summary>What a program is called, or null.</summary>
    public string? NameOf(uint program, uint version) => _names.GetValueOrDefault((program, version));

    /// <summary>The entry of the procedure that a call names; null when it is not served, or the message is too short to name one.</summary>
    public ProcedureEntry? Find(ReadOnlySpan<byte> message) => Find(message, out _);

    /// <summary>The same, with the procedure's number, from 0 on; -1 where there is no entry.</summary>
    public ProcedureEntry? Find(ReadOnlySpan<byte> message, out int number)
    {
        number = -1;
        if (message.Length < CallHeader.ProcedureEnd)
            return null;
        ref Row row = ref RowOf(
            BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.ProgramOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.VersionOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[CallHeader.ProcedureOffset..]));
        number = row.NumberOrNone;
        return row.Entry;
    }

    /// <summary>The number of the procedure of a call whose head was read.</summary>
    public int NumberOf(in RpcCall call) => RowOf(call.Program, call.Version, call.Procedure).NumberOrNone;

    /// <summary>
    /// The status of a call that has no entry: PROG_UNAVAIL; PROG_MISMATCH with the lowest and the highest version that there are, between which there may be
    /// gaps; or PROC_UNAVAIL.
    /// </summary>
    /// <returns>Which procedures those are.</returns>
    public AcceptStatus Refuse(in RpcCall call, OutputBuffer reply)
    {
        uint low = uint.MaxValue, high = 0;
        AcceptStatus status = AcceptStatus.ProgramUnavailable;
        foreach ((uint program, uint version) in _versions)
        {
            if (program != call.Program)
                continue;
            if (version == call.Version)
                status = AcceptStatus.ProcedureUnavailable;
            else if (status == AcceptStatus.ProgramUnavailable)
                status = AcceptStatus.ProgramMismatch;
            low = Math.Min(low, version);
            high = Math.Max(high, version);
        }

        if (status == AcceptStatus.ProgramMismatch)
            ReplyWriter.ProgramMismatch(reply, call.Xid, low, high);
        else
            ReplyWriter.Accepted(reply, call.Xid, status);
        return status;
    }

    // Every version of every program has procedure 0, as a ping: RFC 5531 section 12.1.
    private static IEnumerable<Row> Rows(IRpcProgram program)
    {
        IReadOnlyList<ProcedureEntry> procedures = program.Procedures;
        return (procedures.Any(one => one.Number == 0) ? procedures : procedures.Append(s_null))
            .Select(one => new Row(program.Number, program.Version, one.Number, one));
    }

    private static AcceptStatus DoNothing(in RpcCall call, ref XdrReader arguments, XdrWriter results) =>
        arguments.IsComplete ? AcceptStatus.Success : AcceptStatus.GarbageArguments;

    // Where the procedure is, or else an empty row.
    private ref Row RowOf(uint program, uint version, uint procedure)
    {
        const uint Golden = 0x9E37_79B1;   // 2^32 divided by the golden ratio: Knuth, volume 3, section 6.4
        Row[] rows = _rows;
        int index = (int)((program ^ (version << 24) ^ (procedure << 12)) * Golden >> _shift);
        while (true)
        {
            ref Row row = ref rows[index];
            if ((row.Procedure == procedure && row.Version == version && row.Program == program) || row.Entry is null)
                return ref row;
            index = (index + 1) & (rows.Length - 1);
        }
    }

    private readonly record struct Row(uint Program, uint Version, uint Procedure, ProcedureEntry? Entry)
    {
        public int Number { get; init; }

        public int NumberOrNone => Entry is null ? -1 : Number;
    }
}

/// <summary>A procedure by its names; what has none has its number.</summary>
internal readonly record struct ProcedureName(string Program, uint Version, string Procedure);
