using Multiplex.Nfs.Files;

namespace Multiplex.Tests.Nfs;

public class SipHashTests
{
    // The vectors of the reference implementation: key 00 01 … 0f, message 00 01 … of the length.
    [TestCase(0, 0x726fdb47dd0e0e31u)]
    [TestCase(1, 0x74f839c593dc67fdu)]
    [TestCase(7, 0xab0200f58b01d137u)]
    [TestCase(8, 0x93f5f5799a932462u)]
    [TestCase(15, 0xa129ca6149be45e5u)]
    public void The_codes_are_those_of_the_reference(int length, ulong code)
    {
        byte[] bytes = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];
        Assert.That(SipHash.Of(bytes, bytes.AsSpan(0, length)), Is.EqualTo(code));
    }
}
