using System.Text.Json;
using Multiplex.Tests.Support;
using Multiplex.Tracing.Drawing;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Narration;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Tests.Tracing;

/// <summary>A recording as lanes and arrows, in sentences, and drawn.</summary>
public class SceneTests
{
    private static readonly Scene s_fork = Scene.Of(Recordings.Fork), s_epoll = Scene.Of(Recordings.Epoll);

    [Test]
    public void Lanes_are_the_client_the_parent_and_the_child_for_as_long_as_they_live()
    {
        Assert.That(s_fork.Lanes.Select(lane => (lane.Title, lane.Kind, lane.Process, lane.Born, lane.Died)), Is.EqualTo(new[]
        {
            ("\"pieces\"", LaneKind.Client, 30, 0L, (long?)null), ("the parent", LaneKind.Process, 10, 0, null), ("child 1", LaneKind.Process, 11, 1900, 11800),
        }).AsCollection);
        Assert.That(s_fork.Preparations, Is.EqualTo(new[] { "socket", "bind", "listen" }), "what came before the story is told, not drawn");
        Assert.That(s_fork.Calls[0].Call.Name, Is.EqualTo("poll"), "the wait that the story began in");
        Assert.That(s_fork.Lanes.SelectMany(lane => lane.Calls).Count(), Is.EqualTo(Recordings.Fork.ServerCalls.Count - 3 + Recordings.Fork.ClientCalls.Count));
    }

    [Test]
    public void Stretches_leave_no_gap_and_say_for_which_client()
    {
        foreach (Lane lane in s_fork.Lanes.Concat(s_epoll.Lanes))
        {
            Assert.That(lane.Stretches[0].Start, Is.EqualTo(lane.Born), lane.Title);
            Assert.That(lane.Stretches.Zip(lane.Stretches.Skip(1)), Is.All.Matches<(Stretch One, Stretch Next)>(pair => pair.One.End == pair.Next.Start), lane.Title);
        }

        Lane child = s_fork.Lanes[2];
        Assert.That(child.Stretches.Select(one => (one.Start, one.End, one.Wait?.Call.Name, one.Client)), Is.EqualTo(new (long, long, string?, int?)[]
        {
            (1900, 2300, null, 0), (2300, 7300, "recvfrom", 0), (7300, 7500, null, 0), (7500, 11500, "recvfrom", 0), (11500, 11800, null, 0),
        }).AsCollection, "the child works for its client before it has named its connection, too");
        Assert.That(s_epoll.Lanes[1].Stretches.Where(one => one.Wait is not null).Select(one => one.Wait!.Watched.Count), Is.EqualTo(new[] { 0, 1, 1, 0 }),
            "epoll_wait waits for what epoll_ctl has added and close has not taken out");
    }

    [Test]
    public void A_process_that_waits_in_accept_has_no_client_yet()
    {
        Lane process = Scene.Of(Recordings.Prefork).Lanes[1];
        Assert.That(process.Stretches.Select(one => (one.Start, one.Wait?.Call.Name, one.Client)), Is.EqualTo(new (long, string?, int?)[]
        {
            (0, "accept4", null), (1600, null, 0), (1900, "recvfrom", 0), (7200, null, 0), (7500, "recvfrom", 0), (11500, null, 0), (11700, "accept4", null),
        }).AsCollection);
    }

    [Test]
    public void A_connection_has_its_five_tuple_also_once_the_kernel_tells_it_no_more()
    {
        Assert.That(s_epoll.Connections.Single().FiveTuple, Is.EqualTo("tcp 127.0.0.1:5001 → 127.0.0.1:80"));
        Assert.That(s_epoll.Calls.Single(call => call.Call.Name == "close" && call.Lane.Kind == LaneKind.Process).Connection, Is.EqualTo(s_epoll.Connections[0]));
        Assert.That(s_epoll.Calls.Single(call => call.Call.Name == "connect").Connection, Is.EqualTo(s_epoll.Connections[0]));
    }

    [Test]
    public void Arrows_go_where_a_connection_bytes_an_end_a_birth_and_a_death_go()
    {
        Assert.That(s_fork.Arrows.Select(arrow => (arrow.Kind, arrow.From.Lane.Title, arrow.From.Start, arrow.To.Lane.Title, arrow.To.Start, arrow.Text)), Is.EquivalentTo(new[]
        {
            (ArrowKind.Connection, "\"pieces\"", 1000L, "the parent", 1600L, "a connection"),
            (ArrowKind.Bytes, "\"pieces\"", 1550L, "child 1", 2200L, "3 bytes"),
            (ArrowKind.Bytes, "\"pieces\"", 7250L, "child 1", 2300L, "1 byte"),
            (ArrowKind.Bytes, "child 1", 7400L, "\"pieces\"", 7300L, "4 bytes"),
            (ArrowKind.End, "\"pieces\"", 11500L, "child 1", 7500L, "the end of the stream"),
            (ArrowKind.Birth, "the parent", 1700L, "child 1", 1900L, "a process"),
            (ArrowKind.Signal, "child 1", 11800L, "the parent", 12000L, "SIGCHLD"),
        }));
    }

    [Test]
    public void Its_story_says_what_happened_and_why()
    {
        string[] fork = [.. Narrator.Tell(s_fork).Select(step => step.Sentence)], epoll = [.. Narrator.Tell(s_epoll).Select(step => step.Sentence)];
        Assert.That(fork, Has.Some.Contains("child 1 begins with copies of all its descriptors"));
        Assert.That(fork, Has.Some.Contains("closes its copy of the connection of \"pieces\": the child has its own"));
        Assert.That(fork, Has.Some.Contains("receives 3 bytes from \"pieces\": not a whole request yet"));
        Assert.That(fork, Has.Some.Contains("receives 1 byte from \"pieces\": a whole request"));
        Assert.That(fork, Has.Some.Contains("waits in recvfrom for \"pieces\" alone"));
        Assert.That(fork, Has.Some.Contains("collects the exit status of process 11"));
        Assert.That(epoll, Has.Some.Contains("waits in epoll_wait for new connections and \"pieces\", all at once"));
        Assert.That(epoll, Has.Some.Contains("adds the connection of \"pieces\" to the set"));
        Assert.That(Narrator.Tell(s_fork).Select(step => step.Time), Is.Ordered);
    }

    [Test]
    public void A_sleep_is_a_clients_call_only_where_a_thread_has_received_one_in_a_story()
    {
        Assert.That(Sleeps(Recordings.Sleeping), Is.EqualTo(new[]
        {
            "Thread 1 sleeps in clock_nanosleep for 9 ms.",
            "The main thread carries out the call of \"pieces\": it sleeps in clock_nanosleep for 5 ms. As no other lane serves connections, every other client waits too.",
            "The main thread has slept, and goes on with the call of \"pieces\".",
            "The main thread sleeps in clock_nanosleep for 4 ms.",
        }));
        Assert.That(Sleeps(Recordings.Worker), Is.EqualTo(new[]
        {
            "Thread 1 carries out the call of \"slow\": it sleeps in clock_nanosleep for 8 ms. Other lanes serve their clients meanwhile.",
            "Thread 1 has slept, and goes on with the call of \"slow\".",
            "Thread 1 sleeps in clock_nanosleep for 4 ms.",
        }));
        Assert.That(Sleeps(Recordings.Attached), Is.EqualTo(new[] { "The server sleeps in clock_nanosleep for 5 ms.", "The server sleeps in clock_nanosleep." }));

        static IEnumerable<string> Sleeps(Recording recording) => Narrator.Tell(Scene.Of(recording)).Where(step => step.Call.Call.Name == "clock_nanosleep" && step.Call.Lane.Kind != LaneKind.Client).Select(step => step.Sentence);
    }

    [Test]
    public void Of_a_server_that_was_attached_to_no_client_and_no_first_connection_is_described()
    {
        Scene attached = Scene.Of(Recordings.Idle);
        Assert.That(TextLanes.Legend(attached).Single(), Does.StartWith("# works for no client in particular"));
        Assert.That(TextLanes.Legend(s_fork).First(), Is.EqualTo("A works for pieces and a waits for it alone;"));
        Assert.That(TracePage.Of([attached], ""), Does.Contain("0 is the beginning of the recording.").And.Not.Contain("first connect(2)").And.Not.Contain("first client"));
        Assert.That(TracePage.Of([s_fork], ""), Does.Contain("0 is the first connect(2)."));
    }

    [Test]
    public void A_process_that_makes_no_call_has_no_lane_and_a_note_says_why()
    {
        Scene silent = Scene.Of(Recordings.Idle with { ServerCalls = [] });
        const string Note = "It made no system call while it was recorded.";
        Assert.That(TextLanes.Of(silent, 50, silent.Duration), Is.EqualTo(new[] { "idle, 20 ms", Note }));
        Assert.That(TracePage.Of([silent], ""), Does.Contain(Note));
    }

    [Test]
    public void As_text_a_line_is_a_lane_and_a_letter_a_client()
    {
        string[] lines = [.. TextLanes.Of(s_fork, 50, s_fork.Duration)];
        Assert.That(lines[0], Is.EqualTo("fork, 20 ms"));
        Assert.That(lines[1], Does.StartWith("\"pieces\"   ").And.Contain("A---------"), "the client works, pauses");
        Assert.That(lines[3], Does.StartWith("child 1    ").And.Contain("Aaaaa").And.Contain("AaaaaaaaA"), "works, waits for the rest, works");
        Assert.That(lines[2], Does.EndWith("·"));
        Assert.That(lines, Is.All.Property("Length").LessThanOrEqualTo(50));
    }

    [Test]
    public void In_the_Chrome_format_every_call_is_a_slice_and_every_arrow_a_flow()
    {
        using JsonDocument file = JsonDocument.Parse(PerfettoTrace.Of([s_fork, s_epoll]));
        JsonElement[] events = [.. file.RootElement.GetProperty("traceEvents").EnumerateArray()];
        int Count(string phase) => events.Count(one => one.GetProperty("ph").GetString() == phase);
        Assert.That(Count("X") + Count("i"), Is.EqualTo(s_fork.Calls.Count + s_epoll.Calls.Count));
        Assert.That((Count("s"), Count("f")), Is.EqualTo((s_fork.Arrows.Count + s_epoll.Arrows.Count, s_fork.Arrows.Count + s_epoll.Arrows.Count)));
        Assert.That(events.Where(one => one.GetProperty("name").GetString() == "thread_name").Select(one => one.GetProperty("args").GetProperty("name").GetString()),
            Is.EqualTo(s_fork.Lanes.Concat(s_epoll.Lanes).Select(lane => lane.Title)));
        JsonElement accept = events.First(one => one.GetProperty("name").GetString() == "accept4");
        Assert.That((accept.GetProperty("ts").GetInt64(), accept.GetProperty("dur").GetInt64(), accept.GetProperty("pid").GetInt32()), Is.EqualTo((1600L, 20L, 10)));
    }

    // Returns what is drawn, then the card of a call, then the first steps; zooms and hides the names in between.
    private const string Visit = """
        <script>
        const count = selector => document.querySelectorAll(selector).length;
        console.log(`${count('.plot svg')} pictures, ${count('.process')} processes, ${count('path.arrow.bytes[d*="L"]')} bytes, ${count('.stripe')} stripes`);
        console.log(`dark ${matchMedia('(prefers-color-scheme: dark)').matches}, as wide as the window ${document.documentElement.scrollWidth <= innerWidth}`);
        const plot = document.querySelector('.plot');
        const box = plot.firstChild.getBoundingClientRect();
        const accept = scenes[0].calls.find(call => call.name === 'accept4');
        plot.dispatchEvent(new PointerEvent('click', { clientX: box.left + x(accept.start), clientY: box.top + stages[0].rows[accept.lane].y, bubbles: true }));
        console.log(byId('card').querySelector('code').textContent);
        console.log(`${byId('card').querySelector('a').href} ${byId('card').textContent.includes('tcp 127.0.0.1:5001')}`);
        byId('in').click();
        console.log(`wider ${plot.firstChild.getBoundingClientRect().width > box.width}`);
        byId('forward').click();
        console.log(`${byId('count').textContent}: ${byId('sentence').textContent}`);
        byId('forward').click();
        byId('back').click();
        console.log(`${byId('count').textContent}, dimmed ${count('.later')}`);
        byId('names').click();
        console.log(`hidden ${getComputedStyle(document.querySelector('h2.name')).visibility}`);
        byId('fit').click();
        scrollTo({ top: document.body.scrollHeight, behavior: 'instant' });
        const axis = byId('axis'), label = [...axis.querySelectorAll('.tick')].at(-1);
        console.log(`clock at ${Math.round(axis.getBoundingClientRect().top)}, all of it ${label.getBoundingClientRect().right <= axis.querySelector('svg').getBoundingClientRect().right}`);
        </script>
        """;

    [Test]
    public void A_browser_draws_the_page_shows_a_call_and_steps_without_an_error([Values(1280, 400)] int width, [Values] bool isDark)
    {
        string page = TracePage.Of([s_fork, s_epoll], "Recorded for a test.");
        Assert.That(page, Does.Not.Contain("</script><b>").And.Not.Contain("src=").And.Not.Contain("@import"));
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["trace.html"], page.Replace("</body>", Visit + "</body>", StringComparison.Ordinal));
        Step first = Narrator.Tell(s_fork)[0];
        Assert.That(Browser.ConsoleOf(folder["trace.html"], folder["profile"], width, isDark), Is.EqualTo(new[]
        {
            "2 pictures, 3 processes, 6 bytes, 9 stripes",
            $"dark {(isDark ? "true" : "false")}, as wide as the window true",
            "accept4(3<TCP:[127.0.0.1:80]>, NULL, NULL, SOCK_CLOEXEC) = 4<TCP:[127.0.0.1:80->127.0.0.1:5001]>",
            "https://man7.org/linux/man-pages/man2/accept4.2.html true",
            "wider true",
            $"1 of {Narrator.Tell(s_fork).Count}: {first.Time / 1000.0:0.00} ms: {first.Sentence}",
            $"1 of {Narrator.Tell(s_fork).Count}, dimmed 1",
            "hidden hidden",
            "clock at 0, all of it true",
        }));
    }
}
