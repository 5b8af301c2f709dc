using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;

// Lists a directory of an NFS version 3 server, copies a file of it to standard output, or copies a file to the server.
if (args is not [var url, .. var rest] || rest.Length > 2)
{
    Console.Error.WriteLine("usage: nfs nfs://HOST[:PORT]/EXPORT [PATH [FILE]]");
    return 2;
}

try
{
    // The calls are made as the user of this process, AUTH_SYS. Without a port, the host's name service says where MOUNT and NFS are.
    await using NfsClient client = await NfsClient.ConnectAsync(url);
    NfsPath path = rest.Length > 0 ? rest[0] : "";
    if (rest is [_, var file])
        await Put(client, path, file);
    else if ((await client.StatAsync(path, follow: true)).Type == Ftype3.Nf3dir)
        await List(client, path);
    else
        await Copy(client, path);
    await client.DisconnectAsync();
    return 0;
}
catch (NfsException e) when (e.Status == Nfsstat3.Nfs3errNoent)
{
    Console.Error.WriteLine($"nfs: the server has no {e.Path}");
    return 1;
}
catch (IOException e)
{
    Console.Error.WriteLine($"nfs: {e.Message}");
    return 1;
}

// READDIRPLUS, a reply at a time. Names are bytes; an entry as text has an escape for what is not UTF-8.
static async Task List(NfsClient client, NfsPath directory)
{
    await foreach (NfsEntry entry in client.ListAsync(directory, follow: true))
        Console.WriteLine($"{entry.Attributes?.Size,12} {entry}");
}

// READs, several in flight.
static async Task Copy(NfsClient client, NfsPath path)
{
    await using Stream output = Console.OpenStandardOutput();
    await client.ReadAsync(path, output, follow: true);
}

// UNSTABLE WRITEs, several in flight, and COMMIT: when this is done, the server has the file on its disk.
static async Task Put(NfsClient client, NfsPath path, string file)
{
    await using FileStream input = File.OpenRead(file);
    await client.WriteAsync(path, input);
}
