using Multiplex.Nfs.Files;

namespace Multiplex.Tests.Nfs;

public class FileHandleTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(7, 16).Select(i => (byte)i)];

    [Test]
    public void What_is_written_is_read_again()
    {
        byte[] handle = Make();
        Assert.Multiple(() =>
        {
            Assert.That(handle, Has.Length.EqualTo(32));
            Assert.That(FileHandle.IsWellFormed(handle), Is.True);
            Assert.That(FileHandle.FormOf(handle), Is.EqualTo(HandleForm.Kernel));
            Assert.That(FileHandle.TypeOf(handle), Is.EqualTo(129));
            Assert.That(FileHandle.ExportOf(handle), Is.EqualTo(0xDEADBEEF));
            Assert.That(FileHandle.InodeOf(handle), Is.EqualTo(0x1234_5678_9ABC_DEF0));
            Assert.That(FileHandle.IdentityOf(handle).ToArray(), Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }));
            Assert.That(FileHandle.IsGenuine(handle, s_key, fileSystem: 42), Is.True);
        });
    }

    [Test]
    public void A_handle_with_one_bit_changed_is_not_genuine()
    {
        byte[] handle = Make();
        for (int bit = 0; bit < 8 * handle.Length; bit++)
        {
            byte[] forged = [.. handle];
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(FileHandle.IsGenuine(forged, s_key, fileSystem: 42), Is.False, $"bit {bit}");
        }
    }

    [Test]
    public void A_handle_of_another_key_or_another_file_system_is_not_genuine()
    {
        byte[] handle = Make(), other = [.. s_key];
        other[15] ^= 1;
        Assert.That(FileHandle.IsGenuine(handle, other, fileSystem: 42), Is.False);
        Assert.That(FileHandle.IsGenuine(handle, s_key, fileSystem: 43), Is.False);
    }

    [Test]
    public void Bytes_that_cannot_be_a_handle_are_not_well_formed()
    {
        byte[] handle = Make();
        Assert.Multiple(() =>
        {
            foreach (int length in (int[])[0, 1, 16, 24])
                Assert.That(FileHandle.IsWellFormed(handle.AsSpan(0, length)), Is.False, $"{length} bytes");
            Assert.That(FileHandle.IsWellFormed([0, .. handle[1..]]), Is.False);
            Assert.That(FileHandle.IsWellFormed([.. handle[..2], 1, .. handle[3..]]), Is.False);
        });
    }

    [Test]
    public void The_longest_identity_fills_the_handle()
    {
        byte[] handle = new byte[FileHandle.MaxLength];
        int length = FileHandle.Write(handle, HandleForm.Kernel, 1, 1, 1, new byte[FileHandle.MaxIdentity], s_key, 0);
        Assert.That(length, Is.EqualTo(64));
        Assert.That(FileHandle.IsGenuine(handle, s_key, 0), Is.True);
    }

    private static byte[] Make()
    {
        byte[] handle = new byte[FileHandle.MaxLength];
        int length = FileHandle.Write(handle, HandleForm.Kernel, 129, 0xDEADBEEF, 0x1234_5678_9ABC_DEF0, [1, 2, 3, 4, 5, 6, 7, 8], s_key, 42);
        return handle[..length];
    }
}
