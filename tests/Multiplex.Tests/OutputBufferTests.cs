namespace Multiplex.Tests;

public class OutputBufferTests
{
    [FsCheck.NUnit.Property]
    public void It_holds_what_was_appended_in_order(byte[][] pieces)
    {
        OutputBuffer output = new();
        for (int i = 0; i < pieces.Length; i++)
        {
            if (i % 2 == 0)
            {
                output.Write(pieces[i]);
                continue;
            }

            pieces[i].CopyTo(output.Append(pieces[i].Length));
        }

        Assert.That(output.Written.ToArray(), Is.EqualTo(pieces.SelectMany(piece => piece)));
        Assert.That(output.Length, Is.EqualTo(output.Written.Length));
    }

    [TestCase(1)]
    [TestCase(4096)]
    [TestCase(4097)]
    [TestCase(1_000_000)]
    public void It_grows_as_far_as_is_asked_for_and_nothing_is_lost(int size)
    {
        OutputBuffer output = new();
        output.Write("before"u8);
        output.EnsureRoom(size);
        Assert.That(output.Room, Is.GreaterThanOrEqualTo(size));
        Assert.That(output.Length, Is.EqualTo(6), "room is no content");
        Assert.That(output.Append(size).Length, Is.EqualTo(size));
        Assert.That(output.Length, Is.EqualTo(6 + size));
        Assert.That(output.Written[..6].SequenceEqual("before"u8), Is.True);
    }

    [Test]
    public void To_append_a_negative_count_is_an_error()
    {
        OutputBuffer output = new();
        output.Write("before"u8);
        Assert.That(() => output.Append(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(output.Length, Is.EqualTo(6));
    }

    [Test]
    public void What_was_written_can_be_changed_and_taken_back()
    {
        OutputBuffer output = new();
        output.Write("0000 reply"u8);
        "1234"u8.CopyTo(output.Rewrite(0, 4));
        Assert.That(output.Written.SequenceEqual("1234 reply"u8), Is.True);
        Assert.That(() => output.Rewrite(7, 4), Throws.TypeOf<ArgumentOutOfRangeException>(), "only what was written");
        output.Truncate(4);
        Assert.That(output.Written.SequenceEqual("1234"u8), Is.True);
        Assert.That(() => output.Truncate(5), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => output.Truncate(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Clear_empties_it_and_gives_back_what_has_grown_too_large()
    {
        OutputBuffer output = new();
        output.Write(new byte[100_000]);
        output.Clear();
        Assert.That(output.Length, Is.Zero);
        Assert.That(output.Room, Is.GreaterThanOrEqualTo(100_000), "kept");
        output.Clear(keep: 50_000);
        Assert.That(output.Room, Is.LessThan(50_000), "given back");
    }

    [Test]
    public void Once_warm_it_allocates_nothing()
    {
        OutputBuffer output = new();
        byte[] piece = new byte[10_000];
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            output.Clear(keep: 1 << 20);
            for (int j = 0; j < 10; j++)
                output.Write(piece);
        }

        Assert.That(rounds.Least, Is.Zero);
    }
}
