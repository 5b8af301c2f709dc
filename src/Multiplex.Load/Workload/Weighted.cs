using System.Runtime.CompilerServices;

namespace Multiplex.Load.Workload;

/// <summary>A value and its weight among others.</summary>
/// <param name="Value">The value.</param>
/// <param name="Weight">Its share is this weight out of the sum of all.</param>
public readonly record struct Weighted<T>(T Value, double Weight);

/// <summary>
/// Values with weights. The value of a request follows from its number alone, so that the check of the reply need not
/// store it. Over many numbers each value has its share, in an irregular order.
/// </summary>
internal sealed class WeightedChoice<T>
{
    private readonly T[] _values;
    private readonly uint[] _upTo;   // the greatest 32-bit number that belongs to each value

    public WeightedChoice(IReadOnlyList<Weighted<T>> all)
    {
        ArgumentOutOfRangeException.ThrowIfZero(all.Count);
        _values = [.. all.Select(one => one.Value)];
        _upTo = new uint[all.Count];
        double sum = all.Sum(one => one.Weight), so_far = 0;
        for (int i = 0; i < all.Count; i++)
        {
            so_far += all[i].Weight;
            _upTo[i] = (uint)(so_far / sum * uint.MaxValue);
        }

        _upTo[^1] = uint.MaxValue;
    }

    /// <summary>The values.</summary>
    public ReadOnlySpan<T> Values => _values;

    /// <summary>The value of the request of this number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Of(uint sequence) => _values.Length == 1 ? _values[0] : Choose(sequence);

    private T Choose(uint sequence)
    {
        uint mixed = Scatter.Of(sequence);
        int i = 0;
        while (_upTo[i] < mixed)
            i++;
        return _values[i];
    }
}

/// <summary>Makes unrelated numbers of neighbouring ones.</summary>
internal static class Scatter
{
    /// <summary>The last steps of MurmurHash3, which map different numbers to different numbers.</summary>
    public static uint Of(uint number)
    {
        number = (number ^ (number >> 16)) * 0x85EB_CA6B;
        number = (number ^ (number >> 13)) * 0xC2B2_AE35;
        return number ^ (number >> 16);
    }
}
