using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Formats;
using Multiplex.Load.Workload.Files;

namespace Multiplex.Tests.Load.Workload;

/// <summary>Procedures of NFS as written after --mix, and failures by their status.</summary>
public class FileMixTests
{
    [Test]
    public void Each_procedure_is_read_and_written()
    {
        foreach (FileCall call in Enum.GetValues<FileCall>())
            Assert.That(FileMix.Parse(FileMix.NameOf(call)), Is.EqualTo(call));
        Assert.That(FileMix.Forms.Split(", "), Is.EqualTo(Enum.GetValues<FileCall>().Select(FileMix.NameOf)));
        Assert.That(FileMix.UsualCalls.Select(call => call.Value), Is.EquivalentTo(Enum.GetValues<FileCall>()));
    }

    [TestCase("echo")]
    [TestCase("0")]
    [TestCase("read:5")]
    [TestCase("")]
    public void What_is_no_procedure_is_refused(string text) =>
        Assert.That(() => FileMix.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(FileMix.Forms));

    [Test]
    public void Failures_are_added_by_their_status_and_said()
    {
        LoadErrors all = new() { WrongReplies = 3 }, other = new();
        all.AddStatuses(new Dictionary<string, long> { ["NFS3ERR_STALE"] = 1 });
        other.AddStatuses(new Dictionary<string, long> { ["NFS3ERR_STALE"] = 1, ["NFS3ERR_IO"] = 1 });
        all.Add(other);
        Assert.That(all.Statuses, Is.EqualTo(new Dictionary<string, long> { ["NFS3ERR_IO"] = 1, ["NFS3ERR_STALE"] = 2 }));
        Assert.That(LoadText.Of(all), Is.EqualTo("3 wrong replies (NFS3ERR_IO 1, NFS3ERR_STALE 2)"));
    }
}
