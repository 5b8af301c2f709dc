using System.Text;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;

// Lists a directory of an NFS version 3 server, or copies a file of it to standard output. MOUNT and NFS are asked for on one port, as Multiplex serves them.
if (args is not [var server, var export, .. var rest] || rest.Length > 1)
{
    Console.Error.WriteLine("usage: nfs tcp://HOST:PORT EXPORT [PATH]");
    return 2;
}

// The user that the calls are made as: AUTH_SYS. A server that exports with `secure` asks for BindReservedPort too.
RpcClientOptions options = new() { Authentication = RpcAuthentication.Sys() };
await using RpcClient client = await RpcClient.ConnectAsync(server, options);
NfsV3Client nfs = new(client);

Mountres3 mounted = await new MountV3Client(client).MntAsync(Encoding.UTF8.GetBytes(export));
if (mounted.FhsStatus != Mountstat3.Mnt3Ok)
    throw new IOException($"{export}: {mounted.FhsStatus}");
NfsFh3 file = new() { Data = mounted.Mountinfo!.Fhandle };
bool isDirectory = true;
foreach (string name in rest.SelectMany(path => path.Split('/', StringSplitOptions.RemoveEmptyEntries)))
{
    LOOKUP3res found = await nfs.LookupAsync(new() { What = new() { Dir = file, Name = Encoding.UTF8.GetBytes(name) } });
    if (found.Status != Nfsstat3.Nfs3Ok)
        throw new IOException($"{name}: {found.Status}");
    file = found.Resok!.Object;
    isDirectory = found.Resok.ObjAttributes.Attributes?.Type == Ftype3.Nf3dir;
}

await (isDirectory ? List(file) : Copy(file));
return 0;

async Task List(NfsFh3 directory)
{
    READDIRPLUS3args next = new() { Dir = directory, Dircount = 8192, Maxcount = 65536 };
    for (bool isEnd = false; !isEnd;)
    {
        READDIRPLUS3resok page = (await nfs.ReaddirplusAsync(next)).Resok ?? throw new IOException("the directory cannot be read");
        foreach (Entryplus3 entry in page.Reply.Entries ?? Enumerable.Empty<Entryplus3>())
        {
            Console.WriteLine($"{entry.NameAttributes.Attributes?.Size,12} {Encoding.UTF8.GetString(entry.Name)}");
            next.Cookie = entry.Cookie;
        }

        (next.Cookieverf, isEnd) = (page.Cookieverf, page.Reply.Eof || page.Reply.Entries is null);
    }
}

async Task Copy(NfsFh3 source)
{
    await using Stream output = Console.OpenStandardOutput();
    READ3args next = new() { File = source, Count = 65536 };
    for (bool isEnd = false; !isEnd;)
    {
        READ3resok part = (await nfs.ReadAsync(next)).Resok ?? throw new IOException("the file cannot be read");
        await output.WriteAsync(part.Data);
        (next.Offset, isEnd) = (next.Offset + part.Count, part.Eof || part.Count == 0);
    }
}
