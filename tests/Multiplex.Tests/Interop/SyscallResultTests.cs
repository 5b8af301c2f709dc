using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop;

public class SyscallResultTests
{
    [Test]
    public void A_call_that_fails_gives_the_negative_errno()
    {
        SyscallResult result = close(-1);
        Assert.Multiple(() =>
        {
            Assert.That(result.IsError, Is.True);
            Assert.That(result.Value, Is.EqualTo((nint)(-EBADF)));
            Assert.That(result.Errno, Is.EqualTo(EBADF));
            Assert.That(result.Is(EBADF), Is.True);
            Assert.That(result.Is(EINVAL), Is.False);
            Assert.That(result.ToString(), Is.EqualTo("EBADF"));
        });
    }

    [Test]
    public void A_call_that_succeeds_gives_its_count_and_no_errno()
    {
        using SocketPair pair = new();
        SyscallResult result = write(pair.Here, "abc"u8);
        Assert.Multiple(() =>
        {
            Assert.That(result.IsError, Is.False);
            Assert.That(result.Value, Is.EqualTo((nint)3));
            Assert.That(result.Errno, Is.Zero);
            Assert.That(result.OrThrow("write"), Is.EqualTo(3));
            Assert.That(result.ToString(), Is.EqualTo("3"));
        });
    }

    [Test]
    public void Each_failure_has_its_own_errno_and_none_is_stale()
    {
        using SocketPair pair = new();
        for (int i = 0; i < 100; i++)
        {
            SyscallResult bad = close(-1);
            SyscallResult unseekable = lseek(pair.Here, 0, SEEK_SET);
            SyscallResult empty = recv(pair.Here, new byte[1], MSG_DONTWAIT);
            SyscallResult listening = listen(pair.Here, -1);
            Assert.That(
                new[] { bad.Errno, unseekable.Errno, empty.Errno, listening.Errno },
                Is.EqualTo(new[] { EBADF, ESPIPE, EAGAIN, EINVAL }));
        }
    }

    [Test]
    public void An_exception_tells_the_call_its_errno_and_what_was_attempted()
    {
        SyscallException? thrown = Assert.Throws<SyscallException>(() => close(-1).OrThrow("close", "descriptor -1"));
        Assert.Multiple(() =>
        {
            Assert.That(thrown!.Message, Is.EqualTo("close descriptor -1: Bad file descriptor (EBADF)"));
            Assert.That(thrown.Call, Is.EqualTo("close"));
            Assert.That(thrown.Errno, Is.EqualTo(EBADF));
        });
    }

    [Test]
    public void An_exception_without_more_to_say_tells_the_call_and_its_errno() =>
        Assert.That(
            () => SyscallResult.Failed(EADDRINUSE).OrThrow("bind"),
            Throws.TypeOf<SyscallException>().With.Message.EqualTo("bind: Address already in use (EADDRINUSE)"));

    [TestCase(EAGAIN, "EAGAIN")]
    [TestCase(ECONNREFUSED, "ECONNREFUSED")]
    [TestCase(ESPIPE, "ESPIPE")]
    [TestCase(EAFNOSUPPORT, "EAFNOSUPPORT")]
    [TestCase(12345, "errno 12345")]
    public void An_errno_has_the_name_that_the_man_page_gives_it(int errno, string name) =>
        Assert.That(ErrnoText.Name(errno), Is.EqualTo(name));

    [Test]
    public void Every_errno_of_the_layer_has_its_own_name_and_a_description()
    {
        Assert.Multiple(() =>
        {
            foreach (System.Reflection.FieldInfo constant in HeaderCheck.Constants(Processor.This))
            {
                if (!constant.Name.StartsWith('E') || constant.Name.StartsWith("EAI_", StringComparison.Ordinal)
                    || constant.Name.StartsWith("EPOLL", StringComparison.Ordinal)
                        || constant.Name.StartsWith("EFD_", StringComparison.Ordinal))
                    continue;
                int errno = (int)constant.GetRawConstantValue()!;
                Assert.That(ErrnoText.Name(errno), Is.EqualTo(constant.Name));
                Assert.That(ErrnoText.Description(errno), Is.Not.EqualTo("unknown error").And.Not.Empty, constant.Name);
            }
        });
    }

    [Test]
    public void Results_are_equal_when_the_calls_came_to_the_same()
    {
        Assert.Multiple(() =>
        {
            Assert.That(close(-1), Is.EqualTo(SyscallResult.Failed(EBADF)));
            Assert.That(close(-1) == SyscallResult.Failed(EBADF), Is.True);
            Assert.That(close(-1) != SyscallResult.Failed(EINTR), Is.True);
        });
    }
}
