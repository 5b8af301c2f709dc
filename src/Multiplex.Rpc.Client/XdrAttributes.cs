namespace Multiplex.Rpc;

/// <summary>
/// Makes a partial class a struct of XDR, RFC 4506 section 4.14: its properties that can be set, in the order in which they are
/// written. <c>Read</c> and <c>Write</c> are made while the project is built.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class XdrStructAttribute : Attribute;

/// <summary>
/// Makes a partial class a discriminated union of XDR, RFC 4506 section 4.15. The property without <see cref="XdrCaseAttribute"/> or
/// <see cref="XdrDefaultAttribute"/> is the discriminant; the others are its arms. On the class itself they are arms without data.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class XdrUnionAttribute : Attribute;

/// <summary>Of an arm of a union: the values of the discriminant that call for it.</summary>
/// <param name="values">Integers, bools or values of an enum.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class XdrCaseAttribute(params object[] values) : Attribute
{
    /// <summary>The values.</summary>
    public IReadOnlyList<object> Values { get; } = values;
}

/// <summary>Of an arm of a union: all values of the discriminant that no other arm has.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class XdrDefaultAttribute : Attribute;

/// <summary>The most bytes of opaque data or of a string in UTF-8, or the most elements of an array.</summary>
/// <param name="most">The bound; more is refused.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
public sealed class XdrMaxLengthAttribute(int most) : Attribute
{
    /// <summary>The bound.</summary>
    public int Most { get; } = most;

    /// <summary>The bound of each element, when they are strings or opaque data themselves.</summary>
    public int Each { get; set; } = int.MaxValue;
}

/// <summary>
/// Of a <c>byte[]</c> or a <c>byte[][]</c>: strings of XDR whose bytes need not be UTF-8, such as file names. On the wire a string is what opaque data are; the
/// .x file of an interface says string.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
public sealed class XdrBytesAttribute : Attribute;

/// <summary>The exact number of bytes of opaque data, or of elements of an array: RFC 4506 sections 4.9 and 4.12.</summary>
/// <param name="length">The number.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
public sealed class XdrFixedAttribute(int length) : Attribute
{
    /// <summary>The number.</summary>
    public int Length { get; } = length;
}
