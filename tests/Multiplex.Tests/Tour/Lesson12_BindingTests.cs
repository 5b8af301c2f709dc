using System.Text.RegularExpressions;
using Multiplex.Tour.Lessons;

namespace Multiplex.Tests.Tour;

/// <summary>The twelfth lesson, binding.</summary>
public class Lesson12_BindingTests
{
    [Test]
    public void A_name_service_knows_itself_at_first()
    {
        LessonRun step = LessonRun.Of(Lesson12_Binding.Lesson, "A name service knows itself at first");
        Assert.That(step.Exhibits[1..], Has.Length.EqualTo(6).And.All.StartWith("program 100000  version "), "versions 2 to 4 over TCP and UDP");
    }

    [Test]
    public void A_client_finds_the_server_that_has_registered_itself_and_calls_it()
    {
        LessonRun step = LessonRun.Of(Lesson12_Binding.Lesson, "A server registers itself; a client asks");
        string server = step.Exhibits[0].Split(' ')[^1];
        int port = int.Parse(server.Split(':')[^1]);
        Assert.That(step.Exhibits, Has.Member($"program 536888643  version 1  tcp  127.0.0.1.{port >> 8}.{port & 255}"));
        Assert.That(step.Exhibits[^2..], Is.EqualTo(new[] { $"rpc://127.0.0.1/0x20004543/1 is {server}", "client.Add(5) = 5" }));
    }

    [Test]
    public void The_question_and_the_answer_are_on_the_wire()
    {
        LessonRun step = LessonRun.Of(Lesson12_Binding.Lesson, "The question on the wire");
        Assert.That((step.Calls("sendto").Single().Data.Length, step.Calls("recv").Single().Data.Length), Is.EqualTo((56, 28)));
        Match port = Regex.Match(step.Exhibits[^1], "^00 00 ([0-9a-f]{2}) ([0-9a-f]{2})  the port: ([0-9]+)$");
        Assert.That(Convert.ToInt32(port.Groups[1].Value + port.Groups[2].Value, 16), Is.EqualTo(int.Parse(port.Groups[3].Value)).And.Positive);
    }

    [Test]
    public void After_the_server_has_stopped_the_port_is_0()
    {
        LessonRun step = LessonRun.Of(Lesson12_Binding.Lesson, "After the server has stopped");
        Assert.That(step.Exhibits.Where(line => line.StartsWith("program", StringComparison.Ordinal)), Is.All.StartWith("program 100000 "));
        Assert.That(step.Exhibits[^1], Is.EqualTo("00 00 00 00  port 0: not registered"));
    }
}
