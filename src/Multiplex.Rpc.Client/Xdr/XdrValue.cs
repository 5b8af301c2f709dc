using System.Globalization;
using System.Text;

namespace Multiplex.Rpc.Xdr;

/// <summary>Compares and prints the records that are generated from .x files: arrays and opaque data by their contents.</summary>
public static class XdrValue
{
    private const int MostPrinted = 16;   // elements of an array, or entries of a list

    private const int MostBytesPrinted = 32;

    /// <summary>Whether two members are the same: opaque data and arrays element by element.</summary>
    public static bool AreEqual(object? left, object? right) => (left, right) switch
    {
        (byte[] one, byte[] other) => one.AsSpan().SequenceEqual(other),
        (Array one, Array other) => AreEqual(one, other),
        _ => Equals(left, right),
    };

    /// <summary>A hash of members, equal for members for which <see cref="AreEqual(object, object)"/> is true.</summary>
    public static int HashOf(params ReadOnlySpan<object?> members)
    {
        HashCode hash = new();
        foreach (object? member in members)
        {
            switch (member)
            {
                case byte[] bytes:
                    hash.AddBytes(bytes);
                    break;
                case Array array:
                    foreach (object? element in array)
                        hash.Add(HashOf(element));
                    break;
                default:
                    hash.Add(member);
                    break;
            }
        }

        return hash.ToHashCode();
    }

    /// <summary>A struct or a union as text, such as <c>Entry { Name = "a", Size = 5 }</c>. Of opaque data, arrays and lists only the beginning.</summary>
    /// <param name="type">The name of the type.</param>
    /// <param name="members">Its members, by their names.</param>
    public static string TextOf(string type, params ReadOnlySpan<(string Name, object? Value)> members)
    {
        StringBuilder text = new(type);
        text.Append(" {");
        string separator = " ";
        foreach ((string name, object? value) in members)
        {
            text.Append(separator).Append(name).Append(" = ");
            Append(text, value);
            separator = ", ";
        }

        return text.Append(" }").ToString();
    }

    /// <summary>A linked list as text: its first entries, in brackets.</summary>
    /// <param name="list">The list.</param>
    /// <param name="textOfOne">The text of one entry alone.</param>
    public static string TextOfList<T>(IEnumerable<T> list, Func<T, string> textOfOne)
    {
        StringBuilder text = new();
        AppendAll(text, list.Select(textOfOne), (one, entry) => one.Append(entry));
        return text.ToString();
    }

    private static bool AreEqual(Array left, Array right)
    {
        if (left.Length != right.Length)
            return false;
        for (int i = 0; i < left.Length; i++)
        {
            if (!AreEqual(left.GetValue(i), right.GetValue(i)))
                return false;
        }

        return true;
    }

    private static void Append(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null:
                text.Append("null");
                break;
            case string words:
                text.Append('"');
                AppendEscaped(text, words);
                text.Append('"');
                break;
            case byte[] bytes:
                text.Append(Convert.ToHexStringLower(bytes.AsSpan(0, Math.Min(bytes.Length, MostBytesPrinted))));
                text.Append(CultureInfo.InvariantCulture, $"{(bytes.Length > MostBytesPrinted ? "…" : "")} ({bytes.Length} bytes)");
                break;
            case Array array:
                AppendAll(text, array.Cast<object?>(), Append);
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $"{value}");
                break;
        }
    }

    private static void AppendAll<T>(StringBuilder text, IEnumerable<T> elements, Action<StringBuilder, T> append)
    {
        text.Append('[');
        int count = 0;
        foreach (T element in elements)
        {
            text.Append(count == 0 ? "" : ", ");
            if (count++ == MostPrinted)
            {
                text.Append('…');
                break;
            }

            append(text, element);
        }

        text.Append(']');
    }

    private static void AppendEscaped(StringBuilder text, string words)
    {
        foreach (char c in words)
        {
            if (c is '"' or '\\')
                text.Append('\\').Append(c);
            else if (char.IsControl(c) || char.IsSurrogate(c))
                text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                text.Append(c);
        }
    }
}
