using System.Buffers;
using System.Text;

namespace Multiplex.Rpc.Xdr;

/// <summary>
/// Strings of XDR as text. They are bytes (RFC 4506 section 4.11), and file names need not be UTF-8: each byte from 0x80 to 0xFF that is not part of UTF-8 becomes
/// the lone surrogate U+DC80 to U+DCFF, which is written as that byte again. So every string is written as the bytes that were read (PEP 383's
/// surrogateescape).
/// </summary>
public static class XdrText
{
    private const char FirstByte = '\uDC80', LastByte = '\uDCFF';

    private static readonly SearchValues<char> s_bytes = SearchValues.Create([.. Enumerable.Range(FirstByte, 128).Select(code => (char)code)]);

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text of these bytes.</summary>
    public static string GetString(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        while (!bytes.IsEmpty)
        {
            bool isRune = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == OperationStatus.Done;
            if (isRune)
                text.Append(rune);
            else
                text.Append((char)(0xDC00 + bytes[0]));
            bytes = bytes[(isRune ? length : 1)..];
        }

        return text.ToString();
    }

    /// <summary>The bytes of this text.</summary>
    /// <exception cref="ArgumentException">It has half a surrogate pair that does not stand for a byte.</exception>
    public static byte[] GetBytes(string text)
    {
        if (!HasBytes(text))
            return s_utf8.GetBytes(text);
        byte[] bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        int count = 0;
        for (int i = 0, end; i < text.Length; i = end)
        {
            end = i + 1;
            if (IsByte(text, i))
            {
                bytes[count++] = (byte)(text[i] - 0xDC00);
                continue;
            }

            while (end < text.Length && !IsByte(text, end))
                end++;
            count += s_utf8.GetBytes(text.AsSpan(i, end - i), bytes.AsSpan(count));
        }

        return bytes[..count];
    }

    /// <summary>Whether there are lone surrogates that stand for bytes.</summary>
    internal static bool HasBytes(string text)
    {
        for (int i = text.AsSpan().IndexOfAny(s_bytes); i >= 0 && i < text.Length; i++)
        {
            if (IsByte(text, i))
                return true;
        }

        return false;
    }

    private static bool IsByte(string text, int i) =>
        text[i] is >= FirstByte and <= LastByte && (i == 0 || !char.IsHighSurrogate(text[i - 1]));
}
