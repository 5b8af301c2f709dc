using System.Text;
using System.Text.Unicode;

namespace Multiplex.Rpc.Xdr;

/// <summary>What is made of other values, and so has to be allocated: never by more than a small multiple of the bytes that are there.</summary>
public ref partial struct XdrReader
{
    /// <summary>How deep values may stand in values of the same type, such as a tree in a tree: deeper ones fail.</summary>
    public const int MaxDepth = 256;

    /// <summary>
    /// RFC 4506 section 4.11: string, of at most <paramref name="maxLength"/> bytes. Bytes that are not UTF-8 are kept as <see cref="XdrText"/> says, where
    /// the reader <see cref="AcceptsUnknown"/>: so one such name in a directory does not hide all others.
    /// </summary>
    public string ReadString(int maxLength)
    {
        ReadOnlySpan<byte> bytes = ReadOpaque(maxLength);
        if (Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        FailIf(!AcceptsUnknown, "a string is not UTF-8");
        return HasFailed ? "" : XdrText.GetString(bytes);
    }

    /// <summary>RFC 4506 section 4.13: variable-length array.</summary>
    /// <param name="maxCount">How many elements there may be.</param>
    /// <param name="leastSize">The fewest bytes that an element takes: more elements than there are bytes for are not allocated.</param>
    /// <param name="element">Reads an element.</param>
    public T[] ReadArray<T>(int maxCount, int leastSize, XdrUnmarshal<T> element)
    {
        uint count = ReadUInt32();
        FailIf(count > (uint)maxCount, "an array has more elements than its bound");
        return HasFailed ? [] : ReadFixedArray((int)count, leastSize, element);
    }

    /// <summary>RFC 4506 section 4.12: fixed-length array.</summary>
    /// <param name="count">How many elements there are.</param>
    /// <param name="leastSize">As of <see cref="ReadArray"/>.</param>
    /// <param name="element">Reads an element.</param>
    public T[] ReadFixedArray<T>(int count, int leastSize, XdrUnmarshal<T> element)
    {
        // Even an element of no bytes counts as one: else a count would be believed.
        FailIf((long)count * Math.Max(leastSize, 1) > Rest.Length, "there are too few bytes");
        if (HasFailed)
            return [];
        T[] elements = new T[count];
        for (int i = 0; i < elements.Length && !HasFailed; i++)
            elements[i] = element(ref this);
        return elements;
    }

    /// <summary>Before a value whose type may hold values of the same type is read.</summary>
    /// <returns>False when it stands too deep, which is a failure; else <see cref="Leave"/> comes after it.</returns>
    public bool TryEnter()
    {
        FailIf(_depth == MaxDepth, "values stand too deep in values of the same type");
        if (!HasFailed)
            _depth++;
        return !HasFailed;
    }

    /// <summary>After such a value.</summary>
    public void Leave() => _depth--;
}
