using System.Globalization;
using System.Net.Sockets;
using Multiplex.Load.Comparison.Servers;

namespace Multiplex.ServerTests.Harness.Kernel;

/// <summary>
/// A port for a server that is stopped and started again. The kernel gives it to no connect(2) and no bind(2) meanwhile, <see cref="UnusedPorts"/>; and
/// no other test takes it, of any process, as an abstract name is held for it.
/// </summary>
internal sealed class HeldPort : IDisposable
{
    private const int MostTries = 1000;

    private readonly Socket _name;

    private HeldPort(int number, Socket name) => (Number, _name) = (number, name);

    /// <summary>The port.</summary>
    public int Number { get; }

    /// <summary>Takes one that is free now.</summary>
    public static HeldPort Take()
    {
        for (int tries = 1; ; tries++)
        {
            int port = int.Parse(UnusedPorts.Choose(1)[0].Port, CultureInfo.InvariantCulture);
            Socket name = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                name.Bind(new UnixDomainSocketEndPoint($"\0multiplex-tests-port-{port}"));
                return new(port, name);
            }
            catch (SocketException) when (tries < MostTries)
            {
                name.Dispose();   // another test has it
            }
        }
    }

    public void Dispose() => _name.Dispose();
}
