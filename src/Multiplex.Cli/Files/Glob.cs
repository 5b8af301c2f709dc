namespace Multiplex.Cli.Files;

/// <summary>Patterns of glob(7) on names that are bytes; * and ? match a leading point too, as in find(1).</summary>
internal static class Glob
{
    /// <summary>Whether a pattern matches the whole name.</summary>
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> name)
    {
        // After a mismatch the last * matches one byte more: linear time for each *, without recursion.
        int p = 0, n = 0, star = -1, from = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, from) = (p++, n);
            }
            else if (p < pattern.Length && MatchesOne(pattern, ref p, name[n]))
            {
                n++;
            }
            else if (star >= 0)
            {
                (p, n) = (star + 1, ++from);
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].IndexOfAnyExcept((byte)'*') < 0;
    }

    // The pattern's next element; p moves behind it.
    private static bool MatchesOne(ReadOnlySpan<byte> pattern, ref int p, byte one)
    {
        switch (pattern[p])
        {
            case (byte)'?':
                p++;
                return true;
            case (byte)'[' when EndOfSet(pattern, p) is > 0 and int end:
                ReadOnlySpan<byte> set = pattern[(p + 1)..end];
                p = end + 1;
                bool isInverted = set[0] is (byte)'!' or (byte)'^';
                return IsIn(isInverted ? set[1..] : set, one) != isInverted;
            case (byte)'\\' when p + 1 < pattern.Length:
                p += 2;
                return pattern[p - 1] == one;
            default:
                return pattern[p++] == one;
        }
    }

    // A "]" in the first place is a member of the set. A "[" without a closing "]" matches itself.
    private static int EndOfSet(ReadOnlySpan<byte> pattern, int start)
    {
        int first = start + 1 + (start + 1 < pattern.Length && pattern[start + 1] is (byte)'!' or (byte)'^' ? 1 : 0);
        int end = first + 1 < pattern.Length ? pattern[(first + 1)..].IndexOf((byte)']') : -1;
        return end < 0 ? -1 : first + 1 + end;
    }

    private static bool IsIn(ReadOnlySpan<byte> set, byte one)
    {
        for (int i = 0; i < set.Length; i++)
        {
            if (i + 2 < set.Length && set[i + 1] == '-')
            {
                if (one >= set[i] && one <= set[i + 2])
                    return true;
                i += 2;
            }
            else if (set[i] == one)
            {
                return true;
            }
        }

        return false;
    }
}
