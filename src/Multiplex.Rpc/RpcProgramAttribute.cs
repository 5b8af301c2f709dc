namespace Multiplex.Rpc;

/// <summary>
/// Makes an interface one version of a remote program, RFC 5531: for <c>IName</c> the classes <c>NameV1</c> (its numbers),
/// <c>NameV1Client</c> and <c>NameV1Server</c> are made while the project is built. Each of its methods is a <see cref="ProcedureAttribute"/>.
/// </summary>
/// <param name="number">The program's number.</param>
[AttributeUsage(AttributeTargets.Interface)]
public sealed class RpcProgramAttribute(uint number) : Attribute
{
    /// <summary>The program's number.</summary>
    public uint Number { get; } = number;

    /// <summary>The version of the program that the interface is.</summary>
    public uint Version { get; set; } = 1;
}

/// <summary>Makes a method a remote procedure.</summary>
/// <param name="number">The procedure's number in its version. 0 is the ping that every version has.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProcedureAttribute(uint number) : Attribute
{
    /// <summary>The procedure's number.</summary>
    public uint Number { get; } = number;

    /// <summary>Whether to run it twice does no more than to run it once. Others are acted on once.</summary>
    public bool Idempotent { get; set; }
}
