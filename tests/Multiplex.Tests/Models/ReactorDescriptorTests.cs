using Multiplex.Models;
using Multiplex.Protocols;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>An event loop whose multiplexer takes only descriptors below FD_SETSIZE.</summary>
public class ReactorDescriptorTests : DescriptorFixture
{
    [Test]
    public void A_client_whose_descriptor_select_cannot_watch_is_refused_and_counted_and_the_others_are_served_on()
    {
        using RunningServer server = new(new SelectModel(), _ => new EchoProtocol());
        using Client first = server.Connect();
        first.Send("before"u8);
        first.Read(6);
        List<int> low = TakeWhatIsLeftBelow(FD_SETSIZE);
        using Client second = server.Connect();
        Assert.That(second.ReadToEnd(), Is.Empty);
        Assert.That(server.Counters[Counter.Refused], Is.EqualTo(1));
        first.Send("after"u8);
        Assert.That(first.Read(5), Is.EqualTo("after"u8.ToArray()));
        low.ForEach(CloseNow);
        using Client third = server.Connect();
        third.Send("there is room again"u8);
        Assert.That(third.Read(19), Is.EqualTo("there is room again"u8.ToArray()));
        Assert.That(server.Counters[Counter.Accepted], Is.EqualTo(2));
    }

    private List<int> TakeWhatIsLeftBelow(int limit)
    {
        int one = Pair().One;
        List<int> taken = [];
        while (true)
        {
            int fd = Own(dup(one));
            if (fd >= limit)
                return taken;   // this one stays open, so that the next numbers are past the limit too
            taken.Add(fd);
        }
    }
}
