namespace Multiplex.Rpc.Xdr;

/// <summary>Types made of other values.</summary>
public readonly ref partial struct XdrWriter
{
    /// <summary>RFC 4506 section 4.11: string, in UTF-8; bytes that <see cref="XdrText"/> has kept are written unchanged.</summary>
    /// <param name="value">The text.</param>
    /// <param name="maxLength">How many bytes it may take.</param>
    /// <exception cref="ArgumentException">It takes more, or has half a surrogate pair that does not stand for a byte.</exception>
    public void WriteString(string value, int maxLength)
    {
        if (XdrText.HasBytes(value))
        {
            WriteOpaque(XdrText.GetBytes(value), maxLength);
            return;
        }

        int length = s_utf8.GetByteCount(value);
        ThrowIfOver(maxLength, length, "bytes of a string");
        WriteUInt32((uint)length);
        s_utf8.GetBytes(value, Reserve(length));
    }

    /// <summary>RFC 4506 section 4.13: variable-length array.</summary>
    /// <param name="elements">The elements.</param>
    /// <param name="maxCount">How many there may be.</param>
    /// <param name="element">Writes an element.</param>
    /// <exception cref="ArgumentException">There are more.</exception>
    public void WriteArray<T>(T[] elements, int maxCount, XdrMarshal<T> element)
    {
        ThrowIfOver(maxCount, elements.Length, "elements");
        WriteUInt32((uint)elements.Length);
        WriteFixedArray(elements, elements.Length, element);
    }

    /// <summary>RFC 4506 section 4.12: fixed-length array.</summary>
    /// <param name="elements">The elements.</param>
    /// <param name="count">How many there must be.</param>
    /// <param name="element">Writes an element.</param>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public void WriteFixedArray<T>(T[] elements, int count, XdrMarshal<T> element)
    {
        if (elements.Length != count)
            throw new ArgumentException($"{elements.Length} elements, where there must be {count}");
        foreach (T one in elements)
            element(this, one);
    }

    /// <summary>The writer for a value whose type may contain values of the same type.</summary>
    /// <exception cref="ArgumentException">It is nested deeper than <see cref="XdrReader.MaxDepth"/>, or contains itself.</exception>
    public XdrWriter Enter() => _depth < XdrReader.MaxDepth
        ? new(_output, _depth + 1)
        : throw new ArgumentException($"values stand more than {XdrReader.MaxDepth} deep in values of the same type");

    /// <summary>RFC 4506 section 4.19: optional data.</summary>
    /// <param name="value">The value, or null for none.</param>
    /// <param name="element">Writes it.</param>
    public void WriteOptional<T>(T? value, XdrMarshal<T> element)
        where T : class
    {
        WriteBool(value is not null);
        if (value is not null)
            element(this, value);
    }

    /// <inheritdoc cref="WriteOptional{T}(T, XdrMarshal{T})"/>
    public void WriteOptional<T>(T? value, XdrMarshal<T> element)
        where T : struct
    {
        WriteBool(value.HasValue);
        if (value.HasValue)
            element(this, value.Value);
    }
}
