using System.Globalization;
using Multiplex.Interop;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>
/// TCP ports of loopback for a program that cannot take any port. They are below those that the kernel gives to sockets that ask for any, so that no other socket
/// gets one of them before the program has it.
/// </summary>
internal static class UnusedPorts
{
    private const string Loopback = "tcp://127.0.0.1:", RangeOfTheKernel = "/proc/sys/net/ipv4/ip_local_port_range";
    private const int First = 10_000, MostTries = 100;

    /// <summary>Chooses so many, all of them different.</summary>
    public static Endpoint[] Choose(int count)
    {
        int end = FirstOfTheKernel();
        List<Listener> held = [];
        try
        {
            for (int tries = 0; held.Count < count; tries++)
                Hold(First < end && tries < MostTries ? Random.Shared.Next(First, end) : 0);
            return [.. held.Select(listener => listener.Local)];
        }
        finally
        {
            held.ForEach(listener => listener.Dispose());
        }

        void Hold(int port)
        {
            try
            {
                held.Add(Listener.Open(Endpoint.Parse($"{Loopback}{port}"), backlog: 1));
            }
            catch (SyscallException) when (port != 0)
            {
                // Another socket has it.
            }
        }
    }

    // The file has the first and the last one: ip(7). Where it cannot be read, every port is taken for one of the kernel's.
    private static int FirstOfTheKernel()
    {
        try
        {
            return int.Parse(File.ReadAllText(RangeOfTheKernel).Split()[0], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }
}
