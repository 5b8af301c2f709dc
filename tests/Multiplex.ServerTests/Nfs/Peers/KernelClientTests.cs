using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Peers;

/// <summary>Linux' own NFS client, in a small guest: see <see cref="KernelGuest"/>.</summary>
public sealed class KernelClientTests : OneExport
{
    [Test]
    public void A_kernel_works_in_the_export_and_it_and_another_client_see_each_others_changes()
    {
        File.WriteAllText(Export.At("from-here"), "here");
        byte[] content = RandomData.RandomBytes(70_000);

        // In the end each of the two clients waits for what the other does. The kernel keeps attributes for a second at most.
        Task<string[]> guest = Task.Run(() => KernelGuest.Run(
            Export.Server.Address.Port,
            """
            cd /mnt && $b cat from-here && echo
            $b mkdir d; for i in $($b seq 1000); do echo $i > d/f$i; done
            for i in $($b seq 1000); do $b mv d/f$i d/g$i; done; $b ls d | $b grep -c ^g
            $b dd if=/dev/urandom of=big bs=64k count=100 2>/dev/null; $b cp big copy; $b cmp big copy && echo same
            $b tar cf d.tar d big && $b mkdir out && $b tar xf d.tar -C out && $b cmp big out/big && $b ls out/d | $b wc -l
            echo more >> out/d/g7; $b cat out/d/g7; $b truncate -s 3 out/d/g7; $b stat -c %s out/d/g7
            (set -C; echo first > once) && (set -C; echo second > once) 2>/dev/null; $b cat once
            $b ln big hard; $b ln -s big soft; $b stat -c %h big; $b readlink soft; $b mkfifo fifo; $b test -p fifo && echo fifo
            exec 3< big; $b rm big; $b cmp - copy <&3 && echo held; exec 3<&-
            $b dd if=/dev/zero of=far bs=1 count=1 seek=5368709120 2>/dev/null; $b stat -c %s far
            $b df /mnt | $b tail -1 | $b grep -c 10.0.2.2
            $b rm -r d out; $b find . | $b sort

            await() { for i in $($b seq 600); do if eval "$1" 2>/dev/null; then return; fi; $b sleep 0.5; done; echo "waited in vain for $1"; }
            echo one > first
            await '$b grep -q two first'; $b cat first; echo three >> first; $b mv first second
            await '$b test -d both/e'; $b ls both/e | $b wc -l; $b cat both/e/7
            $b rm both/e/7; $b ln -s e both/link; $b chmod 640 both/e/8; $b truncate -s 100000 both/e/9; echo done > told
            await '! $b test -e both'; await '$b test "$($b stat -c %s told)" = 70000'; $b sha256sum < told
            """,
            options: ",actimeo=1"));
        using (LibnfsClient other = new(Export.Server.Address.Port))
            ChangeWhatTheGuestChanges(guest, other, content);
        string[] said = guest.GetAwaiter().GetResult();
        Assert.That(said, Is.EqualTo((string[])
        [
            "here", "1000", "same", "1000", "7", "more", "3", "first", "2", "big", "fifo", "held", "5368709121", "1",
            ".", "./copy", "./d.tar", "./far", "./fifo", "./from-here", "./hard", "./once", "./soft",
            "one", "two", "10", "number 7", $"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content))}  -",
        ]));
        Assert.That(new FileInfo(Export.At("far")).Length, Is.EqualTo(5368709121));
        Assert.That(File.ReadAllBytes(Export.At("hard")), Is.EqualTo(File.ReadAllBytes(Export.At("copy"))));
    }

    [Test]
    public void A_copy_goes_on_and_is_right_when_the_server_is_killed_and_started_again_in_the_middle()
    {
        using CancellationTokenSource copied = new();
        Task restarting = Task.Run(() =>
        {
            for (int restarts = 0; restarts < 3 && !copied.IsCancellationRequested; restarts++)
            {
                // Each time after a further part of the file has been copied.
                long wanted = (1 + (4 * restarts)) << 20;
                if (!SpinWait.SpinUntil(() => copied.IsCancellationRequested || (File.Exists(Export.At("copy")) && new FileInfo(Export.At("copy")).Length >= wanted), TimeSpan.FromMinutes(2)))
                    return;
                Export.KillAndStartAgain();
            }
        });
        string[] said = KernelGuest.Run(
            Export.Server.Address.Port,
            """
            cd /mnt; $b dd if=/dev/urandom of=/tmp/original bs=64k count=320 2>/dev/null
            $b dd if=/tmp/original of=copy bs=64k conv=fsync 2>/dev/null && $b cmp /tmp/original copy && echo right
            $b sha256sum < /tmp/original
            """);
        copied.Cancel();
        Assert.That(restarting.Wait(Eventually.Deadline), Is.True);
        Assert.That(said[0], Is.EqualTo("right"));
        Assert.That(said[1], Does.StartWith(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Export.At("copy"))))));
    }

    private static void ChangeWhatTheGuestChanges(Task<string[]> guest, LibnfsClient other, byte[] content)
    {
        Assert.That(other.MountStatus, Is.Zero, () => other.Error);
        Until(() => Read("/first") == "one\n");
        using (LibnfsFile file = other.Open("/first", Interop.Libc.O_WRONLY | LibnfsClient.Append).File)
            Assert.That(file.Write("two\n"u8.ToArray()), Is.EqualTo(4));
        Until(() => Read("/second") == "one\ntwo\nthree\n");
        Assert.That(other.Lstat("/first").Status, Is.EqualTo(-Interop.Libc.ENOENT));

        Assert.That((other.Mkdir("/making"), other.Mkdir("/making/e")), Is.EqualTo((0, 0)));
        for (int i = 0; i < 10; i++)
        {
            using LibnfsFile file = other.Creat($"/making/e/{i}", 0x1A4).File;
            file.Write(System.Text.Encoding.ASCII.GetBytes($"number {i}\n"));
        }

        Assert.That(other.Rename("/making", "/both"), Is.Zero);
        Until(() => Read("/told") == "done\n");
        Assert.That(other.List("/both/e"), Is.EqualTo((string[])["0", "1", "2", "3", "4", "5", "6", "8", "9"]));
        Assert.That(other.ReadLink("/both/link"u8.ToArray()), Is.EqualTo("e"u8.ToArray()));
        Assert.That((other.Lstat("/both/e/8").Stat.Mode & 0xFFF, other.Lstat("/both/e/9").Stat.Size), Is.EqualTo((0x1A0ul, 100_000ul)));
        foreach (string name in other.List("/both/e"))
            Assert.That(other.Unlink($"/both/e/{name}"), Is.Zero);
        Assert.That((other.Unlink("/both/link"), other.Rmdir("/both/e"), other.Rmdir("/both")), Is.EqualTo((0, 0, 0)));
        using (LibnfsFile file = other.Open("/told", Interop.Libc.O_WRONLY).File)
            Assert.That(file.WriteAt(0, content), Is.EqualTo(content.Length));

        string? Read(string path)
        {
            (int status, LibnfsFile file) = other.Open(path, Interop.Libc.O_RDONLY);
            using (file)
                return status == 0 ? System.Text.Encoding.ASCII.GetString(file.ReadAll()) : null;
        }

        // The guest has its own deadline. To ask it often takes the processor away from it: it is emulated.
        void Until(Func<bool> holds)
        {
            while (!holds())
            {
                if (guest.Wait(TimeSpan.FromSeconds(0.2)))
                    Assert.Fail($"the guest has ended: {string.Join('\n', guest.Result)}");
            }
        }
    }
}
