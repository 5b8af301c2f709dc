using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;
using Multiplex.Tracing.Lanes;
using Multiplex.Tracing.Recordings;

namespace Multiplex.Tracing.Drawing;

/// <summary>Scenes as a page: trace.html. The data are in it, and its script draws them.</summary>
public static class TracePage
{
    private const string Title = "What each server does";

    // Colours of the palette that are told apart in both themes; the first three are the story's clients.
    private static readonly int[] s_colours = [7, 2, 5, 9, 8, 0, 6, 3, 4, 1];

    /// <summary>The page as text.</summary>
    /// <param name="scenes">The servers.</param>
    /// <param name="how">How it was recorded, in a sentence or two.</param>
    public static string Of(IReadOnlyList<Scene> scenes, string how)
    {
        MachineReport machine = MachineReport.OfThisMachine();
        bool hasStory = scenes.Any(scene => scene.Lanes.Any(lane => lane.Kind == LaneKind.Client));   // none where a running server was attached to
        string beginning = hasStory ? "the first connect(2)" : "the beginning of the recording";
        Html body = Html.Of($"""
            <header>
            <h1>{Title}</h1>
            <p class="lede">{how}</p>
            <p class="soft">{DateTimeOffset.Now.ToString("yyyy-MM-dd HH:mm zzz")}, {machine.Processors} x {machine.Processor}, Linux {machine.Kernel}.</p>
            </header>
            {Legend(beginning)}
            <div id="axis" aria-hidden="true"></div>
            {scenes.Select((scene, i) => SectionOf(scene, i))}
            {Method(beginning, hasStory)}
            {Controls(scenes)}
            <div id="card" hidden></div>
            <script type="application/json" id="trace">{Html.Trusted(TraceData.Of(scenes, s_colours).ToJson())}</script>
            """);
        return Page.Of(Title, body, Page.Resource(typeof(TracePage).Assembly, "trace.css"), Page.Resource(typeof(TracePage).Assembly, "trace.js"));
    }

    /// <summary>The class of what is drawn in a client's colour.</summary>
    /// <param name="client">Its index.</param>
    private static string ClassOf(int client) => Palette.ClassOf(s_colours[client % s_colours.Length]);

    private static Html Legend(string beginning) => Html.Of($"""
        <section id="legend">
        <h2>How to read it</h2>
        <p class="soft">All pictures have the clock above them, which stays in sight: what stands below one another happened as long after {beginning}.</p>
        <div class="legend">
        <span><i class="bar {ClassOf(0)}"></i>works for a client, in the client's colour; the lanes on top are the clients</span>
        <span><i class="bar pale {ClassOf(0)}"></i>in a client's lane: it waits for the server; <i class="bar pause {ClassOf(0)}"></i>it sleeps</span>
        <span><i class="bar grey"></i>works for no client in particular</span>
        <span><i class="bar pale {ClassOf(0)}"></i>in a lane of the server: waits for one client alone; the name is the call that it waits in</span>
        <span><i class="bar stripes"><b></b><b class="{ClassOf(0)}"></b><b class="{ClassOf(1)}"></b></i>waits for new connections (grey) and several clients at once</span>
        <span><i class="bar pale grey"></i>waits for something else</span>
        <span><i class="bar ring"></i>waits in the kernel's ring, io_uring</span>
        <span><svg width="48" height="12"><path class="out grey" d="M1.5 3.5h5v5h-5zM29.5 3.5h5v5h-5z"/><path class="out {ClassOf(0)}" d="M8.5 3.5h5v5h-5z"/><path class="out {ClassOf(1)}" d="M15.5 3.5h5v5h-5zM43.5 3.5h5v5h-5z"/><path class="in {ClassOf(0)}" d="M36 3h6v6h-6z"/></svg>below a wait: an array goes in and comes back whole, the ready marked in it; in a set, grey is the listener, or what stops or wakes the server</span>
        <span><svg width="48" height="16"><path class="bits" d="M.5 .5h47v15h-47zM.5 5.5h47M.5 10.5h47"/><path class="in grey" d="M12 2h3v3h-3z"/><path class="in {ClassOf(0)}" d="M28 2h3v3h-3z"/><path class="in {ClassOf(1)}" d="M36 7h3v3h-3z"/></svg>sets of bits go in, a row for reading, writing and exceptions; those of the ready come back</span>
        <span><svg width="48" height="18"><path class="kept grey" d="M0 2H48"/><path class="kept {ClassOf(0)}" d="M8 3.5H48"/><path class="change {ClassOf(0)}" transform="translate(8 12)" d="M-3 0h6M0 -3v6"/><path class="in {ClassOf(0)}" d="M36 9h6v6h-6z"/></svg>the kernel keeps the set, a line for each descriptor (+ adds one, − takes it out); none goes in, the ready alone come back</span>
        <span><svg width="34" height="12"><path class="request" d="M4 2h6l-3 8zM12 2h6l-3 8z"/></svg>requests that go into the ring</span>
        <span><i class="frame"></i>a process; the lanes in a frame are its threads</span>
        <span><svg width="34" height="12"><path class="arrow connection {ClassOf(0)}" d="M2 6H26" marker-end="url(#head)"/></svg>a connection</span>
        <span><svg width="34" height="12"><path class="arrow bytes {ClassOf(0)}" d="M2 6H26" marker-end="url(#head)"/></svg>bytes; dotted where the kernel's ring took them</span>
        <span><svg width="34" height="12"><path class="arrow end {ClassOf(0)}" d="M2 6H26" marker-end="url(#bar)"/></svg>the end of a stream, FIN</span>
        <span><svg width="34" height="12"><path class="arrow reset" d="M2 6H26" marker-end="url(#cross)"/></svg>a reset, RST</span>
        <span><svg width="34" height="12"><path class="arrow birth" d="M2 6H26" marker-end="url(#head)"/></svg>fork, or a new thread</span>
        <span><svg width="34" height="12"><path class="arrow signal" d="M2 6H26" marker-end="url(#head)"/></svg>a signal</span>
        <span><svg width="34" height="12"><path class="arrow wake {ClassOf(0)}" d="M2 6H26" marker-end="url(#diamond)"/></svg>a thread hands work to another, by futex</span>
        <span><svg width="34" height="12"><path class="arrow wake {ClassOf(0)}" d="M2 6H26" marker-end="url(#square)"/></svg>a thread wakes a loop, by eventfd</span>
        </div>
        <svg width="0" height="0" aria-hidden="true"><defs>
        <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker>
        <marker id="diamond" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path d="M4 0L8 4L4 8L0 4z" fill="context-stroke"/></marker>
        <marker id="square" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path d="M1 1H7V7H1z" fill="context-stroke"/></marker>
        <marker id="bar" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M4 0V8" stroke="context-stroke" stroke-width="2"/></marker>
        <marker id="cross" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 8M8 0L0 8" stroke="context-stroke" stroke-width="2"/></marker>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V6"/></pattern>
        </defs></svg>
        </section>

        """);

    private static Html SectionOf(Scene scene, int number) => Html.Of($"""
        <section class="scene" id="scene-{number}">
        <h2 class="name">{scene.Name}</h2>
        <p class="name soft">{scene.Description}</p>
        <ul class="tuples">{scene.Connections.Select(connection => Html.Of($"""<li><span class="dot {ClassOf(connection.Client)}"></span>{scene.Clients[connection.Client]} <code>{connection.FiveTuple}</code></li>"""))}</ul>
        {Before(scene)}
        {scene.Notes.Select(note => Html.Of($"""<p class="note soft">{note}</p>"""))}
        <div class="stage" data-scene="{number}"><div class="labels"></div><div class="plot" tabindex="0" role="img" aria-label="The lanes of {scene.Name}"></div></div>
        </section>

        """);

    // The calls that made sockets and lanes before the story: socket → bind → listen → clone3 × 4.
    private static Html Before(Scene scene)
    {
        List<(string Name, int Times)> runs = [];
        foreach (string name in scene.Preparations)
        {
            if (runs.Count > 0 && runs[^1].Name == name)
                runs[^1] = (name, runs[^1].Times + 1);
            else
                runs.Add((name, 1));
        }

        return runs.Count == 0 ? Html.None : Html.Of($"""
            <p class="note soft">Before the first client: <code>{string.Join(" → ", runs.Select(run => run.Times == 1 ? run.Name : $"{run.Name} × {run.Times}"))}</code></p>
            """);
    }

    private static Html Method(string beginning, bool hasStory) => Html.Of($"""
        <section id="method">
        <h2>What is not in it</h2>
        <p>strace(1) recorded it, so each call costs some tens of microseconds more than without it. The clock is the same in every picture; 0 is {beginning}.</p>
        <p>Left out is {(hasStory ? "what a server does before the first client comes, and " : "")}what the runtime does for itself: memory (mmap, madvise …), {Strace.LeftOut}.</p>
        <p>io_uring(7) accepts, receives and sends in the kernel. strace sees that a thread enters it, how many requests it submits and for how many completions
        it waits, and not which: those lie in memory that the thread shares with the kernel. A dotted arrow is the side that was seen, and the next entry into the ring.</p>
        <p>Between two calls a lane is drawn as working. strace does not see whether it had a processor then, or waited for one.</p>
        </section>

        """);

    private static Html Controls(IReadOnlyList<Scene> scenes) => Html.Of($"""
        <div id="controls">
        <p id="sentence" aria-live="polite">Step through the story of one server: choose it, and press play or an arrow key.</p>
        <div>
        <select id="which" aria-label="Server">{scenes.Select((scene, i) => Html.Of($"""<option value="{i}">{scene.Name}</option>"""))}</select>
        <button id="back" aria-label="Step back">◀</button><button id="play">play</button><button id="forward" aria-label="Step forward">▶</button><span id="count" class="soft"></span>
        <span class="gap"></span>
        <button id="out" aria-label="Zoom out">−</button><button id="fit">fit</button><button id="in" aria-label="Zoom in">+</button>
        <label><input type="checkbox" id="names" checked> names</label>
        </div>
        </div>

        """);
}
