using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Peers;

/// <summary>Linux' own NFS client, in a small guest: see <see cref="KernelGuest"/>.</summary>
[NonParallelizable]
public sealed class KernelClientTests : OneExport
{
    [Test]
    public void A_kernel_works_in_the_export()
    {
        File.WriteAllText(Export.At("from-here"), "here");
        string[] said = KernelGuest.Run(
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
            """);
        Assert.That(said, Is.EqualTo((string[])
        [
            "here", "1000", "same", "1000", "7", "more", "3", "first", "2", "big", "fifo", "held", "5368709121", "1",
            ".", "./copy", "./d.tar", "./far", "./fifo", "./from-here", "./hard", "./once", "./soft",
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
                // Each time when some more of the copy is there.
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
}
