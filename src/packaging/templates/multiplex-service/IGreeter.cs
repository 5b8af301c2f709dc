/// <summary>The contract: what the client calls and the server implements. To rpcgen it is the .x file that `multiplex rpcgen IGreeter.cs` prints.</summary>
[RpcProgram(0x20004700, Version = 1)]
public partial interface IGreeter
{
    [Procedure(1, Idempotent = true)]
    [return: XdrMaxLength(64)]
    ValueTask<string> GreetAsync([XdrMaxLength(32)] string name, CancellationToken cancellationToken = default);
}
