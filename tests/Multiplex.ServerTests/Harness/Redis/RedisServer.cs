using System.Diagnostics;
using System.Net.Sockets;
using Mono.Unix.Native;
using NUnit.Framework;
using StackExchange.Redis;

namespace Multiplex.ServerTests.Harness.Redis;

/// <summary>A redis-server of its own, at a UNIX-domain socket, with its data in a file: what it has acknowledged outlives it.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private const int Patience = 30_000;   // milliseconds

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("multiplex-redis");
    private Process _process;

    private RedisServer() => _process = Launch();

    /// <summary>Where it listens, as StackExchange.Redis writes it.</summary>
    public string Configuration => $"!{Path}";

    /// <summary>The path of its socket.</summary>
    public string Path => System.IO.Path.Combine(_folder.FullName, "socket");

    /// <summary>Starts one, and waits until it answers.</summary>
    public static async Task<RedisServer> StartAsync()
    {
        RedisServer server = new();
        await server.AwaitAnswerAsync();
        return server;
    }

    /// <summary>A connection of its own.</summary>
    public Task<ConnectionMultiplexer> ConnectAsync() => ConnectionMultiplexer.ConnectAsync(Configuration, Patiently);

    /// <summary>No connection and no command fails on a machine that is slow.</summary>
    public static void Patiently(ConfigurationOptions options) => (options.ConnectTimeout, options.SyncTimeout, options.AsyncTimeout) = (Patience, Patience, Patience);

    /// <summary>Ends it with SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(Path);
    }

    /// <summary>Starts it again after <see cref="Kill"/>, with its data, and waits until it answers.</summary>
    public async Task RestartAsync()
    {
        _process = Launch();
        await AwaitAnswerAsync();
    }

    /// <summary>It takes connections and bytes, and answers nothing, until it is disposed of or continued.</summary>
    public void Stop() => ServerProcess.Signal(_process.Id, Signum.SIGSTOP);

    /// <summary>After <see cref="Stop"/>.</summary>
    public void Continue() => ServerProcess.Signal(_process.Id, Signum.SIGCONT);

    public ValueTask DisposeAsync()
    {
        Kill();
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private Process Launch() => Process.Start(new ProcessStartInfo(
        Tools.Require("redis-server"),
        ["--port", "0", "--unixsocket", Path, "--dir", _folder.FullName, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile", System.IO.Path.Combine(_folder.FullName, "log")]))!;

    private async Task AwaitAnswerAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (!await AnswersAsync())
        {
            if (Stopwatch.GetElapsedTime(start) > Eventually.Deadline)
                Assert.Fail($"redis-server does not answer within {Eventually.Deadline}");
            await Task.Delay(10);   // it listens, and has read its data, soon
        }
    }

    private async Task<bool> AnswersAsync()
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path));
            await socket.SendAsync("PING\r\n"u8.ToArray());
            byte[] answer = new byte[64];
            return answer.AsSpan(0, await socket.ReceiveAsync(answer)).StartsWith("+PONG"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
