using Multiplex.Tour.Lessons;

namespace Multiplex.Tests.Tour;

/// <summary>The eleventh lesson, rpc: each word that it shows is a word of the message.</summary>
public class Lesson11_RpcTests
{
    [Test]
    public void Values_have_the_form_of_RFC_4506()
    {
        LessonRun step = LessonRun.Of(Lesson11_Rpc.Lesson, "Marshalling: values in XDR");
        Assert.That(step.Exhibits.Select(line => line.Split("  ")[0]), Is.EqualTo(new[]
        {
            "int -1", "ff ff ff ff", "unsigned hyper 5", "00 00 00 00", "00 00 00 05", "bool TRUE", "00 00 00 01", "string \"hello\"", "00 00 00 05", "68 65 6c 6c",
            "6f 00 00 00", "a pointer to the int 7, and a null pointer", "00 00 00 01", "00 00 00 07", "00 00 00 00",
        }));
    }

    [Test]
    public void A_call_and_its_reply_are_those_that_were_sent_and_received()
    {
        LessonRun step = LessonRun.Of(Lesson11_Rpc.Lesson, "A call and its reply, word by word");
        byte[] call = step.Calls("send").Single().Data, reply = step.Calls("recv").Single().Data;
        Assert.That((call.Length, reply.Length), Is.EqualTo((52, 36)));
        Assert.That(step.Exhibits.Select(line => line[..11]), Is.EqualTo(Words(call).Concat(Words(reply))));
        Assert.That(step.Exhibits[0], Is.EqualTo("80 00 00 30  record mark: last fragment, 48 bytes"));
        Assert.That(step.Exhibits[4], Is.EqualTo("20 00 45 43  program"));
        Assert.That(step.Exhibits[^1], Is.EqualTo("00 00 00 05  5"));
    }

    [Test]
    public void A_refusal_says_what_is_not_there()
    {
        LessonRun step = LessonRun.Of(Lesson11_Rpc.Lesson, "A call that the server refuses");
        Assert.That(step.Exhibits.Where(line => line.Contains('_', StringComparison.Ordinal) && !line.Contains("AUTH", StringComparison.Ordinal)), Is.EqualTo(new[]
        {
            "00 00 00 00  MSG_ACCEPTED", "00 00 00 03  PROC_UNAVAIL: no such procedure",
            "00 00 00 00  MSG_ACCEPTED", "00 00 00 02  PROG_MISMATCH: no such version",
            "00 00 00 00  MSG_ACCEPTED", "00 00 00 01  PROG_UNAVAIL: no such program",
        }));
    }

    [Test]
    public void The_stub_makes_the_same_call() =>
        Assert.That(
            LessonRun.Of(Lesson11_Rpc.Lesson, "The same call through the stub").Exhibits,
            Is.EqualTo(new[] { "client.Add(5) = 5", "client.Add(5) = 10", "client.Sleep(10001): RpcGarbageArgumentsException" }));

    [Test]
    public void A_local_and_a_remote_call_are_measured() =>
        Assert.That(
            LessonRun.Of(Lesson11_Rpc.Lesson, "A local call and a remote call").Exhibits,
            Has.Length.EqualTo(2).And.All.Match("^1000 additions by a (function of this process|procedure of a server) +[0-9]+\\.[0-9]{3} us each$"));

    private static IEnumerable<string> Words(byte[] message) => message.Chunk(4).Select(word => string.Join(' ', word.Select(one => $"{one:x2}")));
}
