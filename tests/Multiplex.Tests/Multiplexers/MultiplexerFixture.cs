using Multiplex.Interop;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Multiplexers;

/// <summary>A fixture over one multiplexer, a new one for each test.</summary>
public abstract class MultiplexerFixture(MultiplexerEntry entry) : DescriptorFixture
{
    /// <summary>The time-out of waits that must find something.</summary>
    protected const int Long = 30_000;

    protected IMultiplexer Multiplexer { get; private set; } = null!;

    protected bool TellsTroubleUnasked => entry.TellsTroubleUnasked;

    protected bool IsEndedBySignals => entry.IsEndedBySignals;

    [SetUp]
    public void Make_the_multiplexer() => Multiplexer = entry.Create();

    [TearDown]
    public void Dispose_of_the_multiplexer() => Multiplexer.Dispose();

    /// <summary>What is ready now, or within the time, by descriptor.</summary>
    protected Readiness[] Wait(int timeout, int room = 64)
    {
        Readiness[] ready = new Readiness[room];
        return [.. ready[..Multiplexer.Wait(ready, timeout)].OrderBy(one => one.Descriptor)];
    }

    /// <summary>What is ready now of these descriptors; other descriptors do not matter.</summary>
    protected Readiness[] WaitFor(params int[] which) => [.. Wait(Long).Where(one => which.Contains(one.Descriptor))];

    /// <summary>Asserts that exactly this is ready.</summary>
    protected void ExpectReady(params (int Descriptor, Interest Ready)[] expected) => Assert.That(
        Wait(expected.Length > 0 ? Long : 0),
        Is.EqualTo(expected.Select(one => new Readiness(one.Descriptor, one.Ready)).OrderBy(one => one.Descriptor)));

    /// <summary>Asserts that a call fails with this errno.</summary>
    protected static void ExpectErrno(int errno, Action call) =>
        Assert.That(() => call(), Throws.TypeOf<SyscallException>().With.Property(nameof(SyscallException.Errno)).EqualTo(errno));
}
