using System.Text;
using Multiplex.Cli.Output;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;

namespace Multiplex.Cli.Files;

/// <summary><c>stat URL …</c>: the attributes of files.</summary>
internal static class StatCommand
{
    public static Task<bool> Run(FileSession session, string[] arguments) => session.ForEach(FileSession.Urls(arguments), async (client, path, url) =>
    {
        NfsFh3 handle = await client.LookupAsync(path, session.Options.Follow).ConfigureAwait(false);
        Fattr3 file = await client.StatAsync(path, session.Options.Follow).ConfigureAwait(false);
        StringBuilder text = new();
        text.Append($"path:   {Printable.Of($"{url.Path}")}");
        if (file.Type == Ftype3.Nf3lnk)
            text.Append($" -> {Printable.Of(NfsPath.TextOf(await client.ReadLinkAsync(path).ConfigureAwait(false)))}");
        text.Append($"\ntype:   {FileText.TypeOf(file.Type).Name}");
        if (file.Type is Ftype3.Nf3blk or Ftype3.Nf3chr)
            text.Append($" {file.Rdev.Specdata1}:{file.Rdev.Specdata2}");
        text.Append($"\nsize:   {file.Size}\nused:   {file.Used}\nlinks:  {file.Nlink}\nfileid: {file.Fileid}\nfsid:   0x{file.Fsid:x}\n");
        text.Append($"mode:   0{Convert.ToString(file.Mode & 0xFFF, 8)} {FileText.Mode(file)}\nuid:    {file.Uid}\ngid:    {file.Gid}\n");
        text.Append($"atime:  {FileText.Time(file.Atime, toNanosecond: true)}\nmtime:  {FileText.Time(file.Mtime, toNanosecond: true)}\n");
        text.Append($"ctime:  {FileText.Time(file.Ctime, toNanosecond: true)}\nhandle: {Convert.ToHexStringLower(handle.Data)}\n");
        StandardStream.Output.Write(text.ToString());
    });
}
