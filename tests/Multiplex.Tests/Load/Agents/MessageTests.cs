using System.Text;
using Multiplex.Load.Agents;
using Multiplex.Load.Merging;
using Multiplex.Load.Nats;
using Multiplex.Load.Nats.Messages;
using Multiplex.Load.Reporting;

namespace Multiplex.Tests.Load.Agents;

/// <summary>Messages between agents and their coordinator: one that is damaged is said, and ends no agent.</summary>
public class MessageTests
{
    private const string Rest = "\"role\":\"Load\",\"part\":{\"index\":0,\"count\":1},\"silence_s\":5";

    [TestCase("{}")]
    [TestCase("null")]
    [TestCase("{" + Rest + ",\"run\":\"a1\"}")]
    [TestCase("{" + Rest + ",\"run\":\"a1\",\"words\":null}")]
    [TestCase("{" + Rest + ",\"words\":[\"--depth\",\"1\"]}")]
    [TestCase("{" + Rest + ",\"run\":null,\"words\":[\"--depth\",\"1\"]}")]
    [TestCase("{\"role\":\"Load\",\"part\":null,\"silence_s\":5,\"run\":\"a1\",\"words\":[]}")]
    [TestCase("{\"role\":\"Other\",\"part\":{\"index\":0,\"count\":1},\"silence_s\":5,\"run\":\"a1\",\"words\":[]}")]
    public void A_plan_that_lacks_something_is_no_message(string json) =>
        Assert.That(() => Message.Read<LoadPlan>(Encoding.UTF8.GetBytes(json)), Throws.TypeOf<FormatException>());

    [TestCase("{" + Rest + ",\"run\":\"a1\",\"words\":[\"--depth\",\"1\"]}", false)]
    [TestCase("{" + Rest + ",\"run\":\"a1\",\"words\":[null]}", true)]
    [TestCase("{" + Rest + ",\"run\":\"\",\"words\":[]}", true)]
    [TestCase("{" + Rest + ",\"run\":\"a.*\",\"words\":[]}", true)]
    [TestCase("{\"role\":\"Load\",\"part\":{\"index\":1,\"count\":1},\"silence_s\":5,\"run\":\"a1\",\"words\":[]}", true)]
    [TestCase("{\"role\":\"Load\",\"part\":{\"index\":0,\"count\":1},\"silence_s\":0,\"run\":\"a1\",\"words\":[]}", true)]
    public void A_plan_with_values_that_no_coordinator_writes_is_damaged(string json, bool isDamaged) =>
        Assert.That(LoadAgent.IsDamaged(Message.Read<LoadPlan>(Encoding.UTF8.GetBytes(json))), Is.EqualTo(isDamaged));

    [TestCase("{}")]
    [TestCase("{\"agent\":null}")]
    [TestCase("{\"agent\":\"a\",\"second\":{}}")]
    [TestCase("{\"agent\":\"a\",\"tally\":{\"seconds\":1}}")]
    public void What_an_agent_tells_lacks_nothing(string json) =>
        Assert.That(() => Message.Read<Told>(Encoding.UTF8.GetBytes(json)), Throws.TypeOf<FormatException>());

    [Test]
    public void What_may_be_left_out_is()
    {
        SecondData second = new(1, false, 1, 2, 0, 3, 4, new(0, 0, 0, 0, ""));
        Assert.That(Again(new Answer()), Is.EqualTo(new Answer()));
        Assert.That(Again(new Order(Stop: true)), Is.EqualTo(new Order(Stop: true)));
        Assert.That(Again(new Told("a") { Second = second }).Second, Is.EqualTo(second));
        Hello hello = new("1", "a", "host", AgentRole.Measure, MachineReport.OfThisMachine());
        Assert.That(Again(hello), Is.EqualTo(hello));
    }

    private static T Again<T>(T message) => Message.Read<T>(Message.Write(message));
}
