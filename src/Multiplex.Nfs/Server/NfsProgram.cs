using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Nfs.Server.Procedures;
using Multiplex.Rpc.Server;

namespace Multiplex.Nfs.Server;

/// <summary>
/// Version 3 of NFS, RFC 1813: its procedures by number. They read arguments from the received bytes and write results into the reply, so that a call
/// allocates nothing.
/// </summary>
internal sealed class NfsProgram : IRpcProgram
{
    /// <summary>Serves these files, and caches entries of their directories.</summary>
    public NfsProgram(ServedFiles files, ListingCache listings)
    {
        AttributeProcedures attributes = new(files);
        LookupProcedures lookup = new(files);
        DataProcedures data = new(files);
        CreationProcedures creation = new(files);
        NameProcedures names = new(files);
        DirectoryProcedures directories = new(files, listings);
        FileSystemProcedures systems = new(files);
        Procedures =
        [
            Entry(NfsV3Procedure.Getattr, attributes.Getattr),
            Entry(NfsV3Procedure.Setattr, attributes.Setattr),
            Entry(NfsV3Procedure.Lookup, lookup.Lookup),
            Entry(NfsV3Procedure.Access, attributes.Access),
            Entry(NfsV3Procedure.Readlink, lookup.Readlink),
            Entry(NfsV3Procedure.Read, data.Read),
            Entry(NfsV3Procedure.Write, data.Write),
            Entry(NfsV3Procedure.Create, creation.Create),
            Entry(NfsV3Procedure.Mkdir, creation.Mkdir),
            Entry(NfsV3Procedure.Symlink, creation.Symlink),
            Entry(NfsV3Procedure.Mknod, creation.Mknod),
            Entry(NfsV3Procedure.Remove, names.Remove),
            Entry(NfsV3Procedure.Rmdir, names.Rmdir),
            Entry(NfsV3Procedure.Rename, names.Rename),
            Entry(NfsV3Procedure.Link, names.Link),
            Entry(NfsV3Procedure.Readdir, directories.Readdir),
            Entry(NfsV3Procedure.Readdirplus, directories.Readdirplus),
            Entry(NfsV3Procedure.Fsstat, systems.Fsstat),
            Entry(NfsV3Procedure.Fsinfo, systems.Fsinfo),
            Entry(NfsV3Procedure.Pathconf, systems.Pathconf),
            Entry(NfsV3Procedure.Commit, data.Commit),
        ];
    }

    /// <inheritdoc/>
    public uint Number => NfsV3.Program;

    /// <inheritdoc/>
    public uint Version => NfsV3.Version;

    /// <inheritdoc/>
    public IReadOnlyList<ProcedureEntry> Procedures { get; }

    // The .x file says which procedures may be run twice. The attributes of an open file are in the kernel's memory; anything else may wait for a disk.
    private static ProcedureEntry Entry(NfsV3Procedure procedure, ProcedureHandler handler) => new((uint)procedure, handler)
    {
        IsIdempotent = NfsV3.Of(procedure).IsIdempotent,
        IsQuick = procedure is NfsV3Procedure.Getattr or NfsV3Procedure.Access or NfsV3Procedure.Fsinfo or NfsV3Procedure.Pathconf,
    };
}
