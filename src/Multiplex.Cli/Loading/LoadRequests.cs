using System.Globalization;
using Multiplex.Load.Reporting;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;
using Multiplex.Rpc;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli.Loading;

/// <summary>The requests of a load and their server, as the options give them.</summary>
/// <param name="Server">The server.</param>
/// <param name="Exchange">The requests, made for the kind of its socket.</param>
/// <param name="Protocol">Their name: echo, rpc, nfs, procedure or bytes.</param>
/// <param name="Mix">The procedures, with their weights.</param>
/// <param name="Sizes">The lengths of payloads; empty when the options give whole requests.</param>
/// <param name="SizeBytes">The length of the longest payload.</param>
internal sealed record LoadRequests(Endpoint Server, Func<Exchange> Exchange, string Protocol, string Mix, string Sizes, int SizeBytes)
{
    /// <summary>TLS on the connections; null for none.</summary>
    public TlsClientOptions? Tls { get; init; }

    /// <summary>The program and version in the call that requests TLS from the server.</summary>
    public (uint Program, uint Version) TlsProgram { get; init; }

    /// <summary>The requests of a protocol that the command itself implements.</summary>
    public static LoadRequests Of(Endpoint server, ProtocolEntry protocol, RequestMix mix)
    {
        LoadReportOptions asked = LoadReportOptions.Of(new() { Server = server, Exchange = () => protocol.Exchange!(server.Kind, mix) }, "", protocol.Name, mix);
        return new(server, () => protocol.Exchange!(server.Kind, mix), protocol.Name, asked.Mix, asked.Sizes, asked.SizeBytes);
    }

    /// <summary>The files that are read and written; null for another protocol.</summary>
    public FileTree? Tree { get; init; }

    /// <summary>NFS calls on a tree of files that does not exist yet.</summary>
    /// <param name="server">The server, with the part of its address that is known before the mount.</param>
    /// <param name="tree">The tree.</param>
    public static LoadRequests OfFiles(Endpoint server, FileTree tree)
    {
        FileMix mix = tree.Mix;
        string calls = LoadReportOptions.Text<string>([.. mix.Calls.Select(call => new Weighted<string>(FileMix.NameOf(call.Value), call.Weight))]);
        int longest = mix.HasData ? mix.Sizes.Max(size => size.Value) : 0;
        return new(server, tree.Exchange, ProtocolCatalog.Nfs, calls, mix.HasData ? LoadReportOptions.Text(mix.Sizes) : "", longest) { Tree = tree };
    }

    /// <summary>The bytes of a file, and the length of each reply: <c>64</c> bytes, <c>1line</c>, <c>3lines</c>.</summary>
    /// <exception cref="UsageException">The file does not exist or is empty; or the endpoint takes datagrams.</exception>
    public static LoadRequests OfBytes(Endpoint server, string file, string? expect)
    {
        byte[] request;
        try
        {
            request = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--send {file}: {e.Message}");
        }

        if (request.Length == 0)
            throw new UsageException($"--send {file}: it is empty; write a file with one request");
        if (!BytesExchange.Serves(server.Kind))
            throw new UsageException($"--send {file}: datagrams may be lost, and these replies have no number; load a tcp:, unix: or unixpacket: endpoint");
        if (request.Length > MessageSize.Limit(server.Kind))
            throw new UsageException($"--send {file}: a message there has at most {MessageSize.Limit(server.Kind)} bytes");
        string number = (expect ?? "").Replace("lines", "").Replace("line", "");
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int expected) || expected < 1)
            throw new UsageException($"--expect {expect}: write how many bytes the reply has, such as 64, or how many lines: 1line, 3lines");
        bool inLines = number != expect;
        return new(
            server, () => new BytesExchange(request, expected, inLines), "bytes",
            $"{request.Length} bytes of {file}, {expected} {(inLines ? "lines" : "bytes")} expected", "", request.Length);
    }

    /// <summary>One procedure of any program.</summary>
    /// <param name="server">The server.</param>
    /// <param name="procedure">The procedure.</param>
    /// <param name="call">Its arguments, and a check of its results.</param>
    /// <param name="authentication">The credential.</param>
    /// <param name="timeout">How long the first call may take.</param>
    /// <param name="tls">TLS on the connections; null for none.</param>
    /// <exception cref="IOException">The first call failed or had other results. It is made alone, since a load does not report the reason of a failure.</exception>
    public static LoadRequests OfProcedure(Endpoint server, RpcProcedure procedure, XCall call, RpcAuthentication authentication, TimeSpan timeout, TlsClientOptions? tls)
    {
        ResultCheck? check = call.Problem is { } problem ? results => problem(results) is null : null;
        ProcedureExchange Exchange() => new(server.Kind, procedure, call.Arguments, authentication, check);
        if (Exchange().LongestRequest > MessageSize.Limit(server.Kind))
            throw new UsageException($"the arguments are {call.Arguments.Length} bytes: a whole message there has at most {MessageSize.Limit(server.Kind)}");
        (uint, uint) program = (procedure.Program, procedure.Version);
        using (RpcClient client = new(server, new() { Authentication = authentication, Timeout = timeout, Tls = tls, TlsProgram = program }))
        {
            byte[] results = client.Call<byte[], byte[]>(procedure, call.Arguments, static (writer, arguments) => writer.WriteFixedOpaque(arguments), TakeAll);
            if (call.Problem?.Invoke(results) is { } wrong)
                throw new IOException($"the results of procedure {procedure.Number} {wrong}");
        }

        return new(
            server, Exchange, "procedure",
            $"program {ProgramNames.Of(procedure.Program) ?? $"{procedure.Program}"} version {procedure.Version} procedure {procedure.Number}, {call.Arguments.Length} bytes of arguments",
            "", call.Arguments.Length)
        {
            Tls = tls,
            TlsProgram = program,
        };
    }

    private static byte[] TakeAll(ref XdrReader results)
    {
        byte[] all = results.Rest.ToArray();
        results.Skip(all.Length);
        return all;
    }
}

/// <summary>A call of any procedure.</summary>
/// <param name="Arguments">Its arguments in XDR.</param>
/// <param name="Problem">Checks its results; null if the right ones are not known.</param>
internal sealed record XCall(byte[] Arguments, ResultProblem? Problem);

/// <summary>What is wrong with a call's results, as the end of a sentence that begins with "the results"; null when they are right.</summary>
internal delegate string? ResultProblem(ReadOnlySpan<byte> results);
