using NUnit.Framework;

namespace Multiplex.ServerTests.Harness;

/// <summary>Bytes that differ from test to test; a run that is repeated with its seed gets the same bytes.</summary>
internal static class RandomData
{
    public static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        TestContext.CurrentContext.Random.NextBytes(bytes);
        return bytes;
    }
}
