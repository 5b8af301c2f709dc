using Multiplex.Rpc;

namespace Multiplex.TestServers;

/// <summary>A contract whose procedures are not async, so that models that fork serve it too.</summary>
[RpcProgram(0x2000_4547)]
public partial interface ITally
{
    /// <summary>Adds to the sum of this process, and returns it. It must not be run twice.</summary>
    [Procedure(1)]
    ulong Add(ulong amount);

    /// <summary>The process that answers, and what it can read of the call.</summary>
    [Procedure(2, Idempotent = true)]
    [return: XdrMaxLength(200)]
    string Describe([XdrMaxLength(32)] string name, RpcContext? context = null);

    /// <summary>Throws.</summary>
    [Procedure(3, Idempotent = true)]
    void Fail();

    /// <summary>Adds too, and has no reply.</summary>
    [Procedure(4, OneWay = true)]
    void Note(ulong amount);
}
