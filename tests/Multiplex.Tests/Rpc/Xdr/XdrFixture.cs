using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Xdr;

/// <summary>XDR as hexadecimal digits.</summary>
public abstract class XdrFixture
{
    protected delegate void Write(XdrWriter writer);

    protected static string Written(Write write)
    {
        OutputBuffer output = new();
        write(new XdrWriter(output));
        return Convert.ToHexString(output.Written);
    }

    protected static XdrReader Reader(string hex) => new(Convert.FromHexString(hex));
}
