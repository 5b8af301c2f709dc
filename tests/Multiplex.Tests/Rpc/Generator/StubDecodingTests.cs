using System.Buffers.Binary;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>Hostile bytes for types that were generated from a .x file.</summary>
public class StubDecodingTests
{
    private const string Text = """
        enum state { OFF = 0, ON = 1, BROKEN = 7 };
        struct node { int value; node *next; };
        struct tree { tree *left; int value; };
        struct bush { bush bushes<10>; };
        struct switched { state now; };
        union picked switch (state now) { case ON: int value; case OFF: void; };
        union rest switch (state now) { case ON: int value; default: void; };
        struct many { hyper numbers<>; };
        struct three { opaque data[3]; };
        """;

    private Codecs _codecs = null!;
    private CompositeType[] _types = null!;

    [OneTimeSetUp]
    public void Compile() => _codecs = Codecs.Of(new("/hostile.x", Text, "Hostile"), [], out _types);

    [Test]
    public void A_list_of_a_hundred_thousand_costs_no_stack()
    {
        byte[] list = Words([.. Enumerable.Range(0, 100_000).SelectMany(i => (uint[])[(uint)i, 1]), 7, 0]);
        byte[]? recoded = null;
        Thread small = new(() => recoded = Recode("node", list), maxStackSize: 256 * 1024);
        small.Start();
        small.Join();
        Assert.That(recoded, Is.EqualTo(list));
    }

    [TestCase(255, true)]
    [TestCase(256, false)]
    [TestCase(100_000, false)]
    public void A_tree_may_be_only_so_deep(int depth, bool isRead)
    {
        byte[] tree = Words([.. Enumerable.Repeat(1u, depth), 0, .. Enumerable.Repeat(5u, depth + 1)]);
        Assert.That(Recode("tree", tree), isRead ? Is.EqualTo(tree) : Is.Null);
    }

    [Test]
    public void So_may_arrays_of_arrays() => Assert.That(Recode("bush", Words([.. Enumerable.Repeat(1u, 1000), 0])), Is.Null);

    [TestCase(0u, true)]
    [TestCase(7u, true)]
    [TestCase(2u, false)]
    [TestCase(0xFFFFFFFFu, false)]
    public void An_enum_has_only_its_values(uint value, bool isRead) =>
        Assert.That(Recode("switched", Words([value])), isRead ? Is.EqualTo(Words([value])) : Is.Null);

    [Test]
    public void A_union_has_only_its_arms()
    {
        Assert.That(Recode("picked", Words([0])), Is.EqualTo(Words([0])));
        Assert.That(Recode("picked", Words([1, 9])), Is.EqualTo(Words([1, 9])));
        Assert.That(Recode("picked", Words([7])), Is.Null, "a value of the enum for which there is no arm");
    }

    [TestCase(0x7FFFFFFFu)]
    [TestCase(0xFFFFFFFFu)]
    [TestCase(0x20000001u)]
    public void A_count_that_nothing_stands_behind_is_free_of_cost(uint count)
    {
        byte[] bytes = Words([count, 0, 0]);
        Recode("many", bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Recode("many", bytes), Is.Null);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(20_000));
    }

    [TestCase(0)]
    [TestCase(4)]
    public void Padding_is_written_as_zeros(byte padding) =>
        Assert.That(Recode("three", [1, 2, 3, padding]), Is.EqualTo(new byte[] { 1, 2, 3, 0 }));

    [TestCase(7u)]
    [TestCase(2u)]
    [TestCase(0xFFFFFFFFu)]
    public void A_union_with_a_default_arm_takes_values_that_the_enum_lacks(uint value) =>
        Assert.That(Recode("rest", Words([value])), Is.EqualTo(Words([value])));

    [Test]
    public void What_is_left_over_is_an_error() => Assert.That(Recode("three", [1, 2, 3, 0, 0, 0, 0, 0]), Is.Null);

    private byte[]? Recode(string type, byte[] bytes) => _codecs.Recode(_types.Single(one => one.Name == type), bytes);

    private static byte[] Words(uint[] words)
    {
        byte[] bytes = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 * i), words[i]);
        return bytes;
    }
}
