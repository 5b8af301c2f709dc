using Multiplex.RivalBenchmarks;
using Multiplex.Sockets;

// Without arguments: the comparison. With arguments: this process is one server or one client of the comparison.
switch (args)
{
    case []:
        Comparison.Run();
        return 0;
    case ["server", var name]:
        await Find(name).Serve().ConfigureAwait(false);
        return 0;
    case ["client", var name, var server, var serverId]:
        Console.WriteLine(await LoadClient.Run(Find(name), Endpoint.Parse(server), int.Parse(serverId)).ConfigureAwait(false));
        return 0;
    default:
        Console.Error.WriteLine("write no arguments, 'server NAME' or 'client NAME ENDPOINT PID'");
        return 2;
}

static Rival Find(string name) => Rival.All.Single(rival => rival.Name == name);
