using Multiplex.Uring;

namespace Multiplex.Tests.Servers.Uring;

/// <summary>Bytes outside of the managed heap are what was put in, in order, however they came and went.</summary>
public class NativeBufferTests
{
    [Test]
    public void Whatever_is_appended_written_in_place_and_consumed_the_rest_is_as_of_a_list([Range(1, 20)] int seed)
    {
        Random random = new(seed);
        using LongBlocks blocks = new();
        NativeBuffer buffer = new(blocks);
        List<byte> expected = [];
        for (int i = 0; i < 60; i++)
        {
            byte[] bytes = new byte[random.Next(1 << random.Next(1, 20))];
            random.NextBytes(bytes);
            switch (random.Next(3))
            {
                case 0:
                    buffer.Append(bytes);
                    expected.AddRange(bytes);
                    break;
                case 1:
                    WriteInPlace(ref buffer, bytes);
                    expected.AddRange(bytes);
                    break;
                default:
                    int count = Math.Min(bytes.Length, buffer.Length);
                    buffer.Consume(count);
                    expected.RemoveRange(0, count);
                    break;
            }

            Assert.That(buffer.Bytes.SequenceEqual(expected.ToArray()), Is.True);
        }

        buffer.Free();
        Assert.That(buffer.Length, Is.Zero);
    }

    private static unsafe void WriteInPlace(ref NativeBuffer buffer, byte[] bytes)
    {
        byte* room = buffer.Room(bytes.Length, out int length);
        Assert.That(length, Is.GreaterThanOrEqualTo(bytes.Length));
        bytes.CopyTo(new Span<byte>(room, length));
        buffer.Extend(bytes.Length);
    }
}
