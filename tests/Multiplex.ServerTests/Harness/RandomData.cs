using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>Bytes that differ from test to test, and are the same again when a run is repeated with its seed.</summary>
internal static class RandomData
{
    public static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        TestContext.CurrentContext.Random.NextBytes(bytes);
        return bytes;
    }
}
