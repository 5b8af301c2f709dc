using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Multiplexers;

/// <summary>Whatever is added, changed and removed, a multiplexer reports the same as a model that is a dictionary.</summary>
[TestFixtureSource(typeof(EveryMultiplexer), nameof(EveryMultiplexer.All))]
public class MultiplexerPropertyTests(MultiplexerEntry entry) : MultiplexerFixture(entry)
{
    private readonly Dictionary<int, Interest> _model = [];
    private int[] _descriptors = [];

    [SetUp]
    public void Make_descriptors() =>
        _descriptors = [.. Enumerable.Range(0, 8).Select(i => Own(eventfd((uint)i % 2, EFD_CLOEXEC)))];

    [FsCheck.NUnit.Property]
    public void It_reports_what_a_dictionary_says((byte Which, byte Interest)[] steps)
    {
        foreach (int fd in _model.Keys)
            Multiplexer.Remove(fd);
        _model.Clear();
        foreach ((byte which, byte interest) in steps)
        {
            Step(_descriptors[which % 8], (Interest)(interest % 4), remove: interest > 180);

            // Short spans move the point from which poll's set is scanned; a full scan must not depend on it.
            Multiplexer.Wait(new Readiness[1 + (which % 3)], 0);
            ExpectReady([.. _model
                .Select(pair => (pair.Key, Ready: pair.Value & Possible(pair.Key)))
                .Where(one => one.Ready != Interest.None)]);
        }
    }

    private void Step(int fd, Interest interest, bool remove)
    {
        if (remove && _model.Remove(fd))
            Multiplexer.Remove(fd);
        else if (_model.TryAdd(fd, interest))
            Multiplexer.Add(fd, interest);
        else
            Multiplexer.Modify(fd, _model[fd] = interest);
    }

    // An eventfd is always writable, and readable when it counts: every other one does.
    private Interest Possible(int fd) =>
        Array.IndexOf(_descriptors, fd) % 2 == 1 ? Interest.Readable | Interest.Writable : Interest.Writable;
}
