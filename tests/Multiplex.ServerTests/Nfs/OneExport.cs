using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>A served directory and a client of it, for each test.</summary>
public abstract class OneExport
{
    private protected NfsExport Export { get; private set; } = null!;

    private protected NfsPeer Peer { get; private set; } = null!;

    [SetUp]
    public void Start()
    {
        Export = MakeExport();
        Peer = Export.Connect();
    }

    [TearDown]
    public void Stop()
    {
        Peer?.Dispose();
        Export?.Dispose();
    }

    private protected virtual NfsExport MakeExport() => new();
}
