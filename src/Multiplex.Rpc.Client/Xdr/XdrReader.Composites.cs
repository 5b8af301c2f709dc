using System.Text;
using System.Text.Unicode;

namespace Multiplex.Rpc.Xdr;

/// <summary>Types made of other values, which must be allocated: the memory is never more than a small multiple of the received bytes.</summary>
public ref partial struct XdrReader
{
    /// <summary>How deep values may be nested in values of the same type, such as a tree in a tree: deeper ones fail.</summary>
    public const int MaxDepth = 256;

    /// <summary>
    /// RFC 4506 section 4.11: string, of at most <paramref name="maxLength"/> bytes. Bytes that are not UTF-8 are kept as in <see cref="XdrText"/> if
    /// <see cref="AcceptsUnknown"/> is true, so that one such name in a directory does not hide all others.
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
    /// <param name="leastSize">The least size of an element in bytes: a count that needs more bytes than there are fails before anything is allocated.</param>
    /// <param name="element">Reads an element.</param>
    public T[] ReadArray<T>(int maxCount, int leastSize, XdrUnmarshal<T> element)
    {
        uint count = ReadUInt32();
        FailIf(count > (uint)maxCount, "an array has more elements than its bound");
        return HasFailed ? [] : ReadFixedArray((int)count, leastSize, element);
    }

    /// <summary>RFC 4506 section 4.12: fixed-length array.</summary>
    /// <param name="count">How many elements there are.</param>
    /// <param name="leastSize">As in <see cref="ReadArray"/>.</param>
    /// <param name="element">Reads an element.</param>
    public T[] ReadFixedArray<T>(int count, int leastSize, XdrUnmarshal<T> element)
    {
        // An element of no bytes counts as one byte; otherwise any count would pass this check.
        FailIf((long)count * Math.Max(leastSize, 1) > Rest.Length, "there are too few bytes");
        if (HasFailed)
            return [];
        T[] elements = new T[count];
        for (int i = 0; i < elements.Length && !HasFailed; i++)
            elements[i] = element(ref this);
        return elements;
    }

    /// <summary>To be called before a value is read whose type may contain values of the same type.</summary>
    /// <returns>False if it is nested too deep, which is a failure; otherwise call <see cref="Leave"/> after the value.</returns>
    public bool TryEnter()
    {
        FailIf(_depth == MaxDepth, "values stand too deep in values of the same type");
        if (!HasFailed)
            _depth++;
        return !HasFailed;
    }

    /// <summary>To be called after such a value.</summary>
    public void Leave() => _depth--;
}
