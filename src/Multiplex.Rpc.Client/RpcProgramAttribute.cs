namespace Multiplex.Rpc;

/// <summary>
/// Makes an interface one version of a remote program, RFC 5531, and the contract between its clients and its servers: any class that implements it can be
/// served by <c>RpcServer</c>, and <see cref="Client.RpcClient.Create{T}"/> makes one that calls. For <c>IName</c> the classes <c>NameV1</c> (its
/// numbers), <c>NameV1Client</c>, which implements it, and <c>NameV1Server</c>, for programs that are to allocate nothing, are made while the project is built.
/// </summary>
/// <param name="number">The program's number.</param>
/// <example>
/// <code>
/// [RpcProgram(0x20004700, Version = 1)]
/// public partial interface IGreeter
/// {
///     [Procedure(1, Idempotent = true)]
///     [return: XdrMaxLength(64)]
///     ValueTask&lt;string&gt; GreetAsync([XdrMaxLength(32)] string name, CancellationToken cancellationToken = default);
/// }
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Interface)]
public sealed class RpcProgramAttribute(uint number) : Attribute
{
    /// <summary>The program's number.</summary>
    public uint Number { get; } = number;

    /// <summary>The version of the program that the interface is.</summary>
    public uint Version { get; set; } = 1;
}

/// <summary>
/// Makes a method a remote procedure. It returns its result, or a <see cref="Task"/> or <see cref="ValueTask"/> with or without one; the name of such a
/// method may end in Async, which is no part of the procedure's. It may take a <see cref="CancellationToken"/>, last, and an
/// <see cref="RpcContext"/>, which are no arguments of the procedure.
/// </summary>
/// <param name="number">The procedure's number in its version. 0 is the ping that every version has.</param>
/// <example>
/// <code>
/// [RpcProgram(0x20004701)]
/// public partial interface ICounter
/// {
///     [Procedure(1)]
///     ulong Add(ulong amount);   // a call that is repeated gets the reply of the first one
///
///     [Procedure(2, Idempotent = true)]
///     ValueTask&lt;ulong&gt; GetAsync(CancellationToken cancellationToken = default);
///
///     [Procedure(3, OneWay = true)]
///     void Reset();
/// }
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProcedureAttribute(uint number) : Attribute
{
    /// <summary>The procedure's number.</summary>
    public uint Number { get; } = number;

    /// <summary>Whether to run it twice does no more than to run it once. Others are acted on once.</summary>
    public bool Idempotent { get; set; }

    /// <summary>Whether callers await no reply: the stub's method sends the call and returns, and whether it was run is not known. It has no result.</summary>
    public bool OneWay { get; set; }

    /// <summary>
    /// Whether the server records the result in the transaction of the procedure's effect, with the parameter of type <see cref="RpcContext"/>: a call whose server dies has then either had its effect, and the
    /// result is known, or it has had none, and another server runs it. See <c>ProcedureEntry.IsTransactional</c>. Such a procedure has no other effect.
    /// </summary>
    public bool Transactional { get; set; }

    /// <summary>
    /// Whether a call is known to take its thread no longer than a few microseconds, whatever its arguments: see <c>ProcedureEntry.IsQuick</c>. By
    /// default that is true of the methods that return a task.
    /// </summary>
    public bool Quick { get; set; }
}
