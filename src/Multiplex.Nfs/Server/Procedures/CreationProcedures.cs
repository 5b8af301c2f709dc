using Multiplex.Interop;
using Multiplex.Nfs.Exports;
using Multiplex.Nfs.Files;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Server.Procedures;

/// <summary>CREATE, MKDIR, SYMLINK, MKNOD: RFC 1813 sections 3.3.8 to 3.3.11.</summary>
internal sealed class CreationProcedures(ServedFiles files)
{
    private const uint UsualMode = 0x1A4;        // rw-r--r--, if the client gives no mode
    private const uint UsualDirectoryMode = 0x1ED;   // rwxr-xr-x
    private const uint ExclusiveMode = 0x180;    // rw-------, until the client sets the mode

    public AcceptStatus Create(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        Createmode3 how = (Createmode3)arguments.ReadEnumOfRange((int)Createmode3.Unchecked, (int)Createmode3.Exclusive);
        NewAttributes wanted = default;
        ulong verifier = 0;
        if (how == Createmode3.Exclusive)
            verifier = arguments.ReadUInt64();
        else
            wanted = NewAttributes.Read(ref arguments);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;

        Making made = new(name, stackalloc byte[FileName.MaxLength + 1], stackalloc byte[FileHandle.MaxLength]);
        Nfsstat3 status = files.OpenDirectory(call, handle, Purpose.Change, out FileLease directory);
        using (directory)
        {
            if (status == Nfsstat3.Nfs3Ok && how != Createmode3.Exclusive && !wanted.AreSound)
                status = Nfsstat3.Nfs3errInval;
            if (status == Nfsstat3.Nfs3Ok)
            {
                lock (directory.File.Changing)
                {
                    status = made.Begin(directory);
                    if (status == Nfsstat3.Nfs3Ok)
                        status = how == Createmode3.Exclusive ? CreateExclusive(directory, verifier, ref made) : CreateFile(directory, how, wanted, ref made);
                }
            }

            made.Write(results, status, directory);
        }

        return AcceptStatus.Success;
    }

    public AcceptStatus Mkdir(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        NewAttributes wanted = NewAttributes.Read(ref arguments);
        return arguments.IsComplete ? Make(call, handle, name, new(MadeKind.Directory, wanted), results) : AcceptStatus.GarbageArguments;
    }

    public AcceptStatus Symlink(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        NewAttributes wanted = NewAttributes.Read(ref arguments);
        ReadOnlySpan<byte> target = arguments.ReadOpaque(int.MaxValue);
        return arguments.IsComplete
            ? Make(call, handle, name, new(MadeKind.SymbolicLink, wanted) { Target = target }, results)
            : AcceptStatus.GarbageArguments;
    }

    public AcceptStatus Mknod(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> handle = arguments.ReadOpaque(FileHandle.MaxLength), name = arguments.ReadOpaque(int.MaxValue);
        Ftype3 type = (Ftype3)arguments.ReadInt32();
        NewAttributes wanted = default;
        bool isDevice = type is Ftype3.Nf3chr or Ftype3.Nf3blk;
        if (isDevice || type is Ftype3.Nf3sock or Ftype3.Nf3fifo)
            wanted = NewAttributes.Read(ref arguments);
        (uint major, uint minor) = isDevice ? (arguments.ReadUInt32(), arguments.ReadUInt32()) : (0, 0);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        uint format = type switch
        {
            Ftype3.Nf3chr => S_IFCHR,
            Ftype3.Nf3blk => S_IFBLK,
            Ftype3.Nf3sock => S_IFSOCK,
            Ftype3.Nf3fifo => S_IFIFO,
            _ => 0u,
        };
        return Make(call, handle, name, new(MadeKind.Node, wanted) { Format = format, Device = DeviceOf(major, minor) }, results);
    }

    // Everything but regular files: made by name, then opened and given its attributes.
    private AcceptStatus Make(in RpcCall call, ReadOnlySpan<byte> handle, ReadOnlySpan<byte> name, scoped Wanted wanted, XdrWriter results)
    {
        Making made = new(name, stackalloc byte[FileName.MaxLength + 1], stackalloc byte[FileHandle.MaxLength]);
        Nfsstat3 status = files.OpenDirectory(call, handle, Purpose.Change, out FileLease directory);
        using (directory)
        {
            if (status == Nfsstat3.Nfs3Ok && !wanted.Attributes.AreSound)
                status = Nfsstat3.Nfs3errInval;
            if (status == Nfsstat3.Nfs3Ok && wanted is { Kind: MadeKind.Node, Format: 0 })
                status = Nfsstat3.Nfs3errBadtype;
            if (status == Nfsstat3.Nfs3Ok)
            {
                lock (directory.File.Changing)
                {
                    status = made.Begin(directory);
                    if (status == Nfsstat3.Nfs3Ok)
                        status = Make(directory, wanted, ref made);
                }
            }

            made.Write(results, status, directory);
        }

        return AcceptStatus.Success;
    }

    private Nfsstat3 Make(in FileLease directory, scoped Wanted wanted, scoped ref Making made)
    {
        int fd = directory.File.Path;
        SyscallResult result = wanted.Kind switch
        {
            MadeKind.Directory => mkdirat(fd, made.Path, wanted.Attributes.Mode ?? UsualDirectoryMode),
            MadeKind.SymbolicLink => MakeLink(fd, wanted.Target, made.Path),
            _ => mknodat(fd, made.Path, wanted.Format | (wanted.Attributes.Mode ?? UsualMode), wanted.Device),
        };
        SyscallResult opened = result.IsError ? result : FileName.Open(fd, made.Path, O_PATH);
        if (opened.IsError)
            return NfsStatus.Of(opened);
        Nfsstat3 status = Complete((int)opened.Value, directory, wanted.Attributes, ref made);
        close((int)opened.Value);
        return status;
    }

    private static SyscallResult MakeLink(int directory, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path)
    {
        const int MostTarget = 4095;
        if (target.Length > MostTarget)
            return SyscallResult.Failed(ENAMETOOLONG);
        if (target.Contains((byte)0))
            return SyscallResult.Failed(EINVAL);
        Span<byte> text = stackalloc byte[MostTarget + 1];
        target.CopyTo(text);
        text[target.Length] = 0;
        return symlinkat(text, directory, path);
    }

    private Nfsstat3 CreateFile(in FileLease directory, Createmode3 how, in NewAttributes wanted, scoped ref Making made)
    {
        SyscallResult opened = FileName.Open(directory.File.Path, made.Path, O_WRONLY | O_CREAT | O_EXCL, wanted.Mode ?? UsualMode);
        if (opened.Is(EEXIST) && how == Createmode3.Unchecked)
            return Reuse(directory, wanted, ref made);
        if (opened.IsError)
            return NfsStatus.Of(opened);
        int fd = (int)opened.Value;
        Nfsstat3 status = wanted.Size is > 0 and { } size ? NfsStatus.Of(ftruncate(fd, (long)size)) : Nfsstat3.Nfs3Ok;
        if (status == Nfsstat3.Nfs3Ok)
            status = Complete(fd, directory, wanted, ref made);
        KeepOpen(fd, status, directory, made);
        return status;
    }

    // UNCHECKED on an existing file: of the attributes, only the size is set, as O_TRUNC does.
    private Nfsstat3 Reuse(in FileLease directory, in NewAttributes wanted, scoped ref Making made)
    {
        SyscallResult opened = FileName.Open(directory.File.Path, made.Path, O_PATH);
        if (opened.IsError)
            return NfsStatus.Of(opened);
        int fd = (int)opened.Value;
        Nfsstat3 status = made.Found(fd, directory);
        if (status == Nfsstat3.Nfs3Ok && (made.Status.stx_mode & S_IFMT) != S_IFREG)
            status = Nfsstat3.Nfs3errExist;
        if (status != Nfsstat3.Nfs3Ok)
        {
            close(fd);
            return status;
        }

        using FileLease file = new(files.Files, files.Files.Add(made.Handle, directory.File.Export, fd));
        if (wanted.Size is { } size)
            status = AttributeProcedures.Resize(file, made.Status, size);
        files.Files.EndWriting(file.File);
        return status == Nfsstat3.Nfs3Ok ? NfsStatus.Of(file.Status(out made.Status)) : status;
    }

    // The client's verifier is stored in the file's times, so that a repeat of the call recognizes its own file.
    private Nfsstat3 CreateExclusive(in FileLease directory, ulong verifier, scoped ref Making made)
    {
        timespec access = new() { tv_sec = (long)(verifier >> 32) & int.MaxValue }, modification = new() { tv_sec = (long)verifier & int.MaxValue };
        SyscallResult opened = FileName.Open(directory.File.Path, made.Path, O_WRONLY | O_CREAT | O_EXCL, ExclusiveMode);
        if (opened.Is(EEXIST))
        {
            opened = FileName.Open(directory.File.Path, made.Path, O_PATH);
            if (opened.IsError)
                return NfsStatus.Of(opened);
            Nfsstat3 found = made.Found((int)opened.Value, directory);
            close((int)opened.Value);
            bool isOwn = (made.Status.stx_mode & S_IFMT) == S_IFREG && made.Status.stx_size == 0
                && made.Status.stx_atime.tv_sec == access.tv_sec && made.Status.stx_mtime.tv_sec == modification.tv_sec;
            return found != Nfsstat3.Nfs3Ok ? found : isOwn ? Nfsstat3.Nfs3Ok : Nfsstat3.Nfs3errExist;
        }

        if (opened.IsError)
            return NfsStatus.Of(opened);
        int fd = (int)opened.Value;
        Nfsstat3 status = NfsStatus.Of(utimensat(fd, ExportedDirectory.Here, access, modification, AT_EMPTY_PATH));
        if (status == Nfsstat3.Nfs3Ok)
            status = made.Found(fd, directory);
        if (status == Nfsstat3.Nfs3Ok)
            status = files.Keep(directory);
        KeepOpen(fd, status, directory, made);
        return status;
    }

    private Nfsstat3 Complete(int fd, in FileLease directory, in NewAttributes wanted, scoped ref Making made)
    {
        Nfsstat3 status = NfsStatus.Of(ExportedDirectory.StatusOf(fd, out statx_t asMade));
        if (status == Nfsstat3.Nfs3Ok)
            status = wanted.Complete(fd, asMade);
        if (status == Nfsstat3.Nfs3Ok)
            status = made.Found(fd, directory);
        return status == Nfsstat3.Nfs3Ok ? files.Keep(directory) : status;
    }

    // The client will write next, even if the permissions would not let it open the file again.
    private void KeepOpen(int fd, Nfsstat3 status, in FileLease directory, scoped in Making made)
    {
        int path = status == Nfsstat3.Nfs3Ok ? FileName.Open(directory.File.Path, made.Path, O_PATH) is { IsError: false } opened ? (int)opened.Value : -1 : -1;
        bool isSame = path >= 0 && !ExportedDirectory.StatusOf(path, out statx_t found).IsError && found.stx_ino == made.Status.stx_ino;
        if (isSame)
        {
            files.Files.Release(files.Files.Add(made.Handle, directory.File.Export, path, fd));
            return;
        }

        if (path >= 0)
            close(path);
        close(fd);
    }

    // gnu_dev_makedev of glibc.
    private static ulong DeviceOf(uint major, uint minor) =>
        (minor & 0xFFul) | ((major & 0xFFFul) << 8) | ((minor & ~0xFFul) << 12) | ((major & ~0xFFFul) << 32);

    private enum MadeKind
    {
        Directory,
        SymbolicLink,
        Node,
    }

    private readonly ref struct Wanted(MadeKind kind, NewAttributes attributes)
    {
        public MadeKind Kind { get; } = kind;

        public NewAttributes Attributes { get; } = attributes;

        public ReadOnlySpan<byte> Target { get; init; }

        public uint Format { get; init; }

        public ulong Device { get; init; }
    }

    // A new file, before it has a handle.
    private ref struct Making(ReadOnlySpan<byte> name, Span<byte> path, Span<byte> handle)
    {
        public statx_t Status;

        private readonly ReadOnlySpan<byte> _name = name;
        private readonly Span<byte> _handle = handle;
        private Span<byte> _path = path;
        private int _handleLength;
        private Before _before;

        public readonly ReadOnlySpan<byte> Path => _path;

        public readonly ReadOnlySpan<byte> Handle => _handle[.._handleLength];

        public Nfsstat3 Begin(in FileLease directory)
        {
            Nfsstat3 status = FileName.Check(_name, _path, out Span<byte> path);
            if (status == Nfsstat3.Nfs3Ok && FileName.IsDots(_name))
                status = Nfsstat3.Nfs3errExist;
            _path = path;
            _before = Before.Of(directory);
            return status;
        }

        public Nfsstat3 Found(int fd, in FileLease directory)
        {
            ExportedDirectory export = directory.File.Export;
            SyscallResult result = export.Look(fd, ExportedDirectory.Here, 0, out Status, _handle, out _handleLength);
            export.Record(Status.stx_ino, directory.File.Inode, _path);
            return NfsStatus.Of(result);
        }

        public readonly void Write(XdrWriter results, Nfsstat3 status, in FileLease directory) =>
            NfsReply.Made(results, status, Status, Handle, _before, directory);
    }
}
