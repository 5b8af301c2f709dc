using System.Diagnostics;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Harness.Nfs;

/// <summary>
/// A small guest in QEMU, without KVM, whose Linux kernel mounts an export of this machine over the guest's own network and runs a shell script in it. It comes from an
/// ordinary port of the loopback interface. Its kernel is one of Debian's for clouds, which <c>run-all.sh test</c> unpacks where <see cref="Kernel"/> says.
/// </summary>
internal static class KernelGuest
{
    // Many times as long as the guest takes to boot without KVM.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private const string Begin = "GUEST-BEGIN", End = "GUEST-END";

    // The guest loads the modules in several passes, in each pass those whose dependencies are loaded.
    private static readonly string[] s_modules =
    [
        "drivers/virtio/virtio", "drivers/virtio/virtio_ring", "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci",
        "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net", "net/sunrpc/sunrpc", "fs/nfs_common/grace", "fs/nfs_common/nfs_acl", "fs/lockd/lockd",
        "fs/netfs/netfs", "fs/fscache/fscache", "fs/nfs/nfs", "fs/nfs/nfsv3",
    ];

    private static string Kernel => Path.Combine(Path.GetTempPath(), "multiplex-guest-kernel");

    /// <summary>Boots it.</summary>
    /// <param name="port">The port of NFS and MOUNT on this machine.</param>
    /// <param name="script">What a shell runs: <c>$b</c> is busybox, /mnt the export.</param>
    /// <param name="options">More options of the mount, with a comma before each.</param>
    /// <returns>The lines that the script printed.</returns>
    public static string[] Run(int port, string script, string options = "")
    {
        string qemu = Tools.Require("qemu-system-x86_64"), busybox = Tools.Require("busybox"), cpio = Tools.Require("cpio");
        if (!Directory.Exists(Kernel))
            Tools.Missing($"there is no kernel for a guest in {Kernel}");
        string folder = Directory.CreateTempSubdirectory("multiplex-guest-").FullName;
        try
        {
            string archive = Pack(folder, port, script, options, busybox, cpio), image = Directory.GetFiles(Path.Combine(Kernel, "boot"), "vmlinuz*").Single();
            // no_timer_check: a busy machine may give the emulated timer no interrupt in the time in which the kernel looks for one at its start; it panics then.
            string[] lines = Boot(
                qemu,
                ["-m", "512", "-nographic", "-no-reboot", "-kernel", image, "-initrd", archive, "-append", "console=ttyS0 panic=-1 quiet no_timer_check", "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]);
            int begin = Array.IndexOf(lines, Begin), end = Array.IndexOf(lines, End);
            Assert.That(begin >= 0 && end > begin, Is.True, () => $"the guest did not mount the export or did not end:\n{string.Join('\n', lines)}");
            return lines[(begin + 1)..end];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Pack(string folder, int port, string script, string options, string busybox, string cpio)
    {
        string root = Path.Combine(folder, "root");
        foreach (string name in (string[])["bin", "lib", "mnt"])
            Directory.CreateDirectory(Path.Combine(root, name));
        File.Copy(busybox, Path.Combine(root, "bin/busybox"));
        string modules = Path.Combine(Directory.GetDirectories(Path.Combine(Kernel, "lib/modules")).Single(), "kernel");
        foreach (string module in s_modules)
            File.Copy(Path.Combine(modules, $"{module}.ko"), Path.Combine(root, "lib", $"{Path.GetFileName(module)}.ko"));
        File.WriteAllText(Path.Combine(root, "script"), $"{script}\n");
        string init = Path.Combine(root, "init"), archive = Path.Combine(folder, "initrd");
        File.WriteAllText(init, $$"""
            #!/bin/busybox sh
            b=/bin/busybox; export b
            $b mkdir -p /proc /sys /dev /tmp; $b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
            for pass in 1 2 3; do for m in /lib/*.ko; do $b insmod $m 2>/dev/null && $b rm $m; done; done
            $b ifconfig lo 127.0.0.1 up; $b ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; $b route add default gw 10.0.2.2
            options="vers=3,proto=tcp,nolock,hard,timeo=50,addr=10.0.2.2,port={{port}},mountport={{port}},mountproto=tcp,mountaddr=10.0.2.2{{options}}"
            if $b mount -i -t nfs -o "$options" 10.0.2.2:{{NfsExport.Name}} /mnt; then echo; echo {{Begin}}; $b sh /script 2>&1; cd /; $b umount /mnt && echo {{End}}; fi
            $b poweroff -f

            """);
        chmod(init, 0x140 /* r-x------ */).OrThrow("chmod", init);
        ProgramRun.Successfully("/bin/sh", ["-c", $"find . | {cpio} --quiet -o -H newc | gzip -1 > {archive}"], folder: root);
        return archive;
    }

    private static string[] Boot(string qemu, string[] arguments)
    {
        using Process guest = Process.Start(new ProcessStartInfo(qemu, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        guest.StandardInput.Close();
        Task<string> output = guest.StandardOutput.ReadToEndAsync(), errors = guest.StandardError.ReadToEndAsync();
        if (!guest.WaitForExit(s_patience))
        {
            guest.Kill();
            Assert.Fail($"the guest is still running after {s_patience}: {output.Result}");
        }

        return [.. output.Result.Split('\n').Select(line => line.TrimEnd('\r')), .. errors.Result.Split('\n')];
    }
}
