using Multiplex.Cli.Options;
using Multiplex.Cli.XFiles;
using Multiplex.Demo;
using Multiplex.Load.Workload;
using Multiplex.Load.Workload.Files;
using Multiplex.Nfs.Client;
using Multiplex.Rpc;
using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli.Loading;

/// <summary>Reads the options of <c>load</c> that choose the server and the requests: calls of a protocol or a program, operations on files, or any bytes.</summary>
/// <param name="options">All options.</param>
internal sealed class LoadRequestOptions(LoadVerbOptions options)
{
    private string Target => options.Target;

    /// <summary>Reads them.</summary>
    /// <exception cref="UsageException">Two options exclude each other, or one has an invalid value.</exception>
    public LoadRequests Read()
    {
        if ((options.Connect is null) == (options.Positional is null))
            throw new UsageException(options.Connect is null ? "--connect is missing: write the server's endpoint" : $"--connect {options.Connect} and {options.Positional}: write one endpoint");
        bool calls = RemoteProgram.IsMeantBy(Target) || options.Program is not null || options.XFile is not null;
        string loaded = options.SendFile is not null ? "--send" : RemoteProgram.IsMeantBy(Target) ? Target : options.Program is not null ? "--program" : "--x";
        if (!calls)
            UsageException.ThrowIfGiven("the program is missing: write rpc://HOST/PROGRAM/VERSION, --program or --x", ("--procedure", options.Procedure), ("--arguments", options.Arguments), ("--call", options.Call), ("--auth", options.Authentication));
        bool ofFiles = NfsUrl.IsMeantBy(Target) || options.Protocol == ProtocolCatalog.Nfs;
        if (!RemoteProgram.IsMeantBy(Target) && !NfsUrl.IsMeantBy(Target))
            UsageException.ThrowIfGiven("only rpc://… and nfs://… are looked up", ("--rpcbind", options.NameServiceAt));
        if (!ofFiles)
            UsageException.ThrowIfGiven("only --protocol nfs has files", ("--files", options.Files), ("--directories", options.Directories), ("--file-size", options.FileSize));
        if (options.XFile is null)
            UsageException.ThrowIfGiven("add --x", ("--define", options.Defines), ("--include", options.Folders));
        if (options.SendFile is null)
            UsageException.ThrowIfGiven("add --send", ("--expect", options.Expect));
        if (calls || options.SendFile is not null)
            UsageException.ThrowIfGiven($"{loaded} says what is asked; leave one out", ("--protocol", options.Protocol), ("--mix", options.Mix), ("--size", options.Size));
        if (calls && options.SendFile is not null)
            throw new UsageException($"--send {options.SendFile}: the requests are calls of a program; leave one out");
        if (calls)
            return ReadCalls();
        if (ofFiles && options.SendFile is null)
            return ReadFiles();
        Endpoint server = Values.Endpoint("--connect", Target);
        TlsClientOptions? tls = ReadTls(server, server.Host);
        if (options.SendFile is not null && tls is not null)
            throw new UsageException($"--send {options.SendFile}: bytes have no way to ask for TLS; rpc has");
        if (options.SendFile is not null)
            return LoadRequests.OfBytes(server, options.SendFile, options.Expect);
        ProtocolEntry protocol = Values.Named("--protocol", options.Protocol ?? "rpc", ProtocolCatalog.All, entry => entry.Name);
        if (tls is not null && !protocol.HasTls)
            throw new UsageException($"--tls: {protocol.Name} has no way to ask for TLS; rpc has");
        return LoadRequests.Of(server, protocol, ReadMix(server, protocol)) with { Tls = tls, TlsProgram = (MultiplexV1.Program, MultiplexV1.Version) };
    }

    private TlsClientOptions? ReadTls(Endpoint? server, string host) => options.ReadTls(Target, server, host);

    private LoadRequests ReadFiles()
    {
        NfsUrl? url = NfsUrl.IsMeantBy(Target) ? Values.Parsed("--connect", Target, NfsUrl.Parse) : null;
        if (url is not null && options.Protocol is not (null or ProtocolCatalog.Nfs))
            throw new UsageException($"--protocol {options.Protocol}: {Target} is loaded by nfs; leave one out");
        Endpoint server = url is null ? Values.Endpoint("--connect", Target) : new(EndpointKind.Tcp, url.Host, $"{url.Port ?? 0}", "");
        if (!server.Kind.IsInternet())
            throw new UsageException($"--connect {Target}: NFS is called over TCP or UDP; write {NfsUrl.Form}, tcp://HOST:PORT or udp://HOST:PORT");
        if (ReadTls(server, server.Host) is not null)
            throw new UsageException("--tls: files are loaded without TLS; load one procedure of NFS with it: --program nfs/3");
        NfsClientOptions client = new()
        {
            ReservedPort = false,   // as in the load itself
            Transport = server.Kind,
            NameService = options.NameServiceAt is null ? null : Values.Endpoint("--rpcbind", options.NameServiceAt),
        };
        return LoadRequests.OfFiles(server, new(url ?? new(server.Host, Values.Number("--connect", server.Port, 1, ushort.MaxValue), ""), ReadFileMix(server.Kind), client));
    }

    private FileMix ReadFileMix(EndpointKind kind)
    {
        FileMix mix = new(
            options.Mix is null ? FileMix.UsualCalls : Values.Weights("--mix", options.Mix, text => Values.Parsed("--mix", text, FileMix.Parse)),
            Values.Weights("--size", options.Size ?? "4k", text => Values.Bytes("--size", text, 1, FileMix.MostBytes(kind))));
        if (!mix.HasData && options.Size is not null)
            throw new UsageException($"--size {options.Size}: only read and write have a size; put one of them into --mix {options.Mix}, or leave --size out");
        int longest = mix.HasData ? mix.Sizes.Max(size => size.Value) : 0, files = Values.Number("--files", options.Files ?? FileMix.UsualFiles, 1, 1_000_000);
        return mix with
        {
            Files = files,
            Directories = Values.Number("--directories", options.Directories ?? Math.Min(FileMix.UsualDirectories, files), 1, files),
            FileBytes = options.FileSize is null ? Math.Max(FileMix.UsualFileBytes, longest) : Values.Bytes("--file-size", options.FileSize, longest, 1 << 30),
        };
    }

    private LoadRequests ReadCalls()
    {
        if (options.XFile is not null == options.Call is null)
            throw new UsageException(options.Call is null ? $"--x {options.XFile}: add --call with one of its procedures" : $"--call {options.Call}: add --x with the program's .x file");
        if (options.Call is not null)
            UsageException.ThrowIfGiven("--call says what is called; leave one out", ("--procedure", options.Procedure), ("--arguments", options.Arguments));
        RemoteProgram? remote = RemoteProgram.IsMeantBy(Target) ? Values.RemoteProgram("--connect", Target) : null;
        if (remote is not null)
            UsageException.ThrowIfGiven($"{Target} names the program; leave one out", ("--program", options.Program));
        (uint Number, uint Version)? program = options.Program is null ? null : Values.ProgramAndVersion("--program", options.Program);
        RpcAuthentication authentication = Values.Credential("--auth", options.Authentication ?? "none");
        byte[] arguments = options.Arguments is null ? [] : Values.Hexadecimal("--arguments", options.Arguments);
        TimeSpan timeout = Values.PositiveTime("--timeout", options.Timeout ?? "30s");
        Endpoint? names = options.NameServiceAt is null ? null : Values.Endpoint("--rpcbind", options.NameServiceAt), direct = remote is null ? Values.Endpoint("--connect", Target) : null;
        TlsClientOptions? tls = ReadTls(direct, direct?.Host ?? remote!.Host);
        XFileCall? written = options.XFile is null ? null : XFileCall.Read(options.XFile, options.Defines ?? "", options.Folders ?? "", options.Call!, remote?.Program ?? program?.Number, remote?.Version ?? program?.Version);
        (Endpoint server, uint version) = remote is null ? (direct!, program?.Version ?? 0) : (remote with { Version = written?.Procedure.Version ?? remote.Version }).Locate(names);
        TlsClientVerb.CheckFound("load", Target, server, tls);
        RpcProcedure procedure = written?.Procedure ?? new(remote?.Program ?? program!.Value.Number, version, options.Procedure ?? 0);
        return LoadRequests.OfProcedure(server, procedure, written?.Call ?? new(arguments, procedure.Number == 0 ? results => results.IsEmpty ? null : $"are {results.Length} bytes, and procedure 0 returns nothing" : null), authentication, timeout, tls);
    }

    private RequestMix ReadMix(Endpoint server, ProtocolEntry protocol)
    {
        (int least, int most) = protocol.Sizes!(server.Kind);
        RequestMix mix = RequestMix.OfSize(0) with { Sizes = Values.Weights("--size", options.Size ?? "64", text => Values.Bytes("--size", text, least, most)) };
        if (options.Mix is null)
            return mix;
        if (protocol.Name != "rpc")
            throw new UsageException($"--mix {options.Mix}: only --protocol rpc has procedures");
        mix = mix with { Calls = Values.Weights("--mix", options.Mix, text => Values.Parsed("--mix", text, MixedCall.Parse)) };
        return options.Size is null || mix.Calls.Any(call => call.Value.Procedure == MultiplexV1Procedure.Echo)
            ? mix
            : throw new UsageException($"--size {options.Size}: only echo has a payload; put echo into --mix {options.Mix}, or leave --size out");
    }
}
