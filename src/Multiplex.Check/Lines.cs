namespace Multiplex.Check;

/// <summary>
/// The bytes that clients send: letters and a line feed, so that a server which takes its input for lines or for strings fails in the checks of that
/// alone, and not in all.
/// </summary>
internal static class Lines
{
    private const int Letters = 26;

    /// <summary>A line of so many bytes, the last of which ends it. Lines of different seeds differ.</summary>
    public static byte[] Of(int length, int seed = 0)
    {
        byte[] line = new byte[length];
        Random random = new(seed);
        for (int i = 0; i < length - 1; i++)
            line[i] = (byte)('a' + random.Next(Letters));
        line[^1] = (byte)'\n';
        return line;
    }
}
