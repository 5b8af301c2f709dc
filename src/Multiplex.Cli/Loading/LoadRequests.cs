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

/// <summary>What a load asks of which server, as its options say.</summary>
/// <param name="Server">The server.</param>
/// <param name="Exchange">The requests, made for the kind of its socket.</param>
/// <param name="Protocol">How they are called: echo, rpc, nfs, procedure or bytes.</param>
/// <param name="Mix">Which procedures.</param>
/// <param name="Sizes">Which payloads; empty where the requests are given as they are.</param>
/// <param name="SizeBytes">The longest.</param>
internal sealed record LoadRequests(Endpoint Server, Func<Exchange> Exchange, string Protocol, string Mix, string Sizes, int SizeBytes)
{
    /// <summary>TLS on the connections; null for none.</summary>
    public TlsClientOptions? Tls { get; init; }

    /// <summary>The program and version that the server is asked for TLS as.</summary>
    public (uint Program, uint Version) TlsProgram { get; init; }

    /// <summary>The requests of a protocol of the command's own.</summary>
    public static LoadRequests Of(Endpoint server, ProtocolEntry protocol, RequestMix mix)
    {
        LoadReportOptions asked = LoadReportOptions.Of(new() { Server = server, Exchange = () => protocol.Exchange!(server.Kind, mix) }, "", protocol.Name, mix);
        return new(server, () => protocol.Exchange!(server.Kind, mix), protocol.Name, asked.Mix, asked.Sizes, asked.SizeBytes);
    }

    /// <summary>The files that are asked for; null of another protocol.</summary>
    public FileTree? Tree { get; init; }

    /// <summary>Calls of NFS on a tree of files that is still to be made.</summary>
    /// <param name="server">Where it will be, as far as that is known before.</param>
    /// <param name="tree">The tree.</param>
    public static LoadRequests OfFiles(Endpoint server, FileTree tree)
    {
        FileMix mix = tree.Mix;
        string calls = LoadReportOptions.Text<string>([.. mix.Calls.Select(call => new Weighted<string>(FileMix.NameOf(call.Value), call.Weight))]);
        int longest = mix.HasData ? mix.Sizes.Max(size => size.Value) : 0;
        return new(server, tree.Exchange, ProtocolCatalog.Nfs, calls, mix.HasData ? LoadReportOptions.Text(mix.Sizes) : "", longest) { Tree = tree };
    }

    /// <summary>A file's bytes, and how much comes back: <c>64</c> bytes, <c>1line</c>, <c>3lines</c>.</summary>
    /// <exception cref="UsageException">There is no such file, or nothing in it; or the endpoint takes datagrams.</exception>
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
    /// <param name="call">Its arguments, and what its results are.</param>
    /// <param name="authentication">The credential.</param>
    /// <param name="timeout">How long the first call may take.</param>
    /// <param name="tls">TLS on the connections; null for none.</param>
    /// <exception cref="IOException">The procedure was called once, and failed or returned something else: that says why, as a load cannot.</exception>
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
/// <param name="Problem">What is wrong with its results; null if it is not known what they should be.</param>
internal sealed record XCall(byte[] Arguments, ResultProblem? Problem);

/// <summary>What is wrong with the results of a call, to be said behind "the results"; null when they are right.</summary>
internal delegate string? ResultProblem(ReadOnlySpan<byte> results);
