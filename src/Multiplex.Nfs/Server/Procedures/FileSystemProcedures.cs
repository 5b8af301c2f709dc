using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>FSSTAT, FSINFO, PATHCONF: RFC 1813 sections 3.3.18 to 3.3.20.</summary>
internal sealed class FileSystemProcedures(ServedFiles files)
{
    private const uint Block = 4096;               // the best READs and WRITEs are multiples of it
    private const uint DirectoryBytes = 64 * 1024;
    private const uint MostLinks = 32_000;         // the limit of ext4 for directories; other file systems, and files, allow more

    public AcceptStatus Fsstat(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        Nfsstat3 status = Open(call, ref arguments, out bool garbage, out FileLease file);
        using (file)
        {
            statvfs space = default;
            if (status == Nfsstat3.Nfs3Ok)
                status = NfsStatus.Of(fstatvfs(file.File.Path, out space));
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, file);
            if (status == Nfsstat3.Nfs3Ok)
            {
                results.WriteUInt64(space.f_blocks * space.f_frsize);
                results.WriteUInt64(space.f_bfree * space.f_frsize);
                results.WriteUInt64(space.f_bavail * space.f_frsize);
                results.WriteUInt64(space.f_files);
                results.WriteUInt64(space.f_ffree);
                results.WriteUInt64(space.f_favail);
                results.WriteUInt32(0);   // it may change at any time
            }
        }

        return garbage ? AcceptStatus.GarbageArguments : AcceptStatus.Success;
    }

    public AcceptStatus Fsinfo(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        const int Properties = Nfs3Constants.Fsf3Link | Nfs3Constants.Fsf3Symlink | Nfs3Constants.Fsf3Homogeneous | Nfs3Constants.Fsf3Cansettime;
        uint most = (uint)DataProcedures.Most(call.Peer);
        Nfsstat3 status = Open(call, ref arguments, out bool garbage, out FileLease file);
        using (file)
        {
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, file);
            if (status == Nfsstat3.Nfs3Ok)
            {
                foreach (uint size in (ReadOnlySpan<uint>)[most, most, Block, most, most, Block, Math.Min(most, DirectoryBytes)])
                    results.WriteUInt32(size);
                results.WriteUInt64(long.MaxValue);
                results.WriteUInt32(0);   // times are exact to the nanosecond
                results.WriteUInt32(1);
                results.WriteUInt32(Properties);
            }
        }

        return garbage ? AcceptStatus.GarbageArguments : AcceptStatus.Success;
    }

    public AcceptStatus Pathconf(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        Nfsstat3 status = Open(call, ref arguments, out bool garbage, out FileLease file);
        using (file)
        {
            NfsReply.Status(results, status);
            NfsReply.PostOp(results, file);
            if (status == Nfsstat3.Nfs3Ok)
            {
                results.WriteUInt32(MostLinks);
                results.WriteUInt32(FileName.MaxLength);
                results.WriteBool(true);    // a longer name is refused, not cut off
                results.WriteBool(true);    // only root may change owners
                results.WriteBool(false);   // upper and lower case differ
                results.WriteBool(true);
            }
        }

        return garbage ? AcceptStatus.GarbageArguments : AcceptStatus.Success;
    }

    private Nfsstat3 Open(in RpcCall call, ref XdrReader arguments, out bool garbage, out FileLease file)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength);
        garbage = !arguments.IsComplete;
        file = default;
        return garbage ? Nfsstat3.Nfs3errInval : files.Open(call, handle, Purpose.Attributes, out file);
    }
}
