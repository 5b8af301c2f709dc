using System.Globalization;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Measuring;
using Multiplex.Sockets;

namespace Multiplex.Check;

/// <summary>The server under check: where it listens, and its processes where they are known.</summary>
/// <param name="endpoint">Where it listens.</param>
/// <param name="exchange">The requests by which a client finds whether it is served.</param>
/// <param name="timeout">The longest wait.</param>
/// <param name="process">Its first process; null where it is not known.</param>
/// <param name="restart">Ends it and starts it again at the same endpoint; null where its command is not known.</param>
public sealed class ServerUnderCheck(Endpoint endpoint, IExchange exchange, TimeSpan timeout, int? process, Action? restart)
{
    /// <summary>Where it listens.</summary>
    public Endpoint Endpoint => endpoint;

    /// <summary>What a client asks, to see whether it is served.</summary>
    public IExchange Exchange => exchange;

    /// <summary>The longest wait.</summary>
    public TimeSpan Timeout => timeout;

    /// <summary>Whether its processes are known.</summary>
    public bool HasProcess => process is not null;

    /// <summary>Bytes that the greatest of its processes may write to, touched or not: VmData of proc(5).</summary>
    public long Memory => ProcessTree.Of(Process).Max(MemoryOf);

    /// <summary>Whether a thread of its processes runs now, or could: state R of proc(5).</summary>
    public bool Runs => ProcessTree.Of(Process).Any(process => ProcessTree.ThreadsOf(process).Any(thread => ThreadActivity.Of(process, thread)?.State == 'R'));

    /// <summary>Open descriptors of its processes.</summary>
    /// <exception cref="ServerFaultException">It has ended.</exception>
    /// <exception cref="UnauthorizedAccessException">It is another user's.</exception>
    public int Descriptors
    {
        get
        {
            if (!ProcessTree.IsAlive(Process))
                throw new ServerFaultException("the server has ended");
            return ProcessTree.Of(Process).Sum(DescriptorsOf);
        }
    }

    /// <summary>Its processes that have ended and that their parents have not waited for.</summary>
    public int Zombies => ProcessTree.ZombiesOf(Process);

    private int Process => process ?? throw new InvalidOperationException("the process is not known");

    /// <summary>A client that is connected.</summary>
    /// <param name="name">Its name in messages.</param>
    /// <param name="isNarrow">Whether the socket's buffers are to be as small as the kernel allows.</param>
    /// <exception cref="ServerFaultException">The connection was refused, or did not come about in time.</exception>
    public CheckClient Connect(string name = "the client", bool isNarrow = false) => CheckClient.Connect(endpoint, name, timeout, isNarrow);

    /// <summary>A new client sends a request and gets its reply.</summary>
    /// <exception cref="ServerFaultException">It does not.</exception>
    public void AssertServes(string name)
    {
        using CheckClient client = Connect(name);
        byte[] request = exchange.Request();
        client.Send(request);
        exchange.Receive(client, request);
    }

    /// <summary>Ends the server and starts it again at the same endpoint.</summary>
    /// <exception cref="IOException">It does not listen again; the message says why.</exception>
    public void Restart() => (restart ?? throw new InvalidOperationException("the command is not known"))();

    private static long MemoryOf(int pid)
    {
        const string Name = "VmData:", Unit = "kB";
        try
        {
            string line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) ?? "";
            return line.Length == 0 ? 0 : long.Parse(line[Name.Length..].Replace(Unit, "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
        }
        catch (IOException)
        {
            return 0;   // it has ended in between
        }
    }

    private static int DescriptorsOf(int pid)
    {
        try
        {
            return Directory.GetFiles($"/proc/{pid}/fd").Length;
        }
        catch (DirectoryNotFoundException)
        {
            return 0;   // it has ended in between
        }
    }
}
