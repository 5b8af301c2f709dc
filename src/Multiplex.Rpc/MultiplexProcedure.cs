namespace Multiplex.Rpc;

/// <summary>The procedures of <c>multiplex.x</c>.</summary>
public enum MultiplexProcedure : uint
{
    /// <summary>Does nothing: every RPC program has it, as a ping.</summary>
    Null = 0,

    /// <summary>Returns what it was given.</summary>
    Echo = 1,

    /// <summary>Blocks for so many milliseconds.</summary>
    Sleep = 2,

    /// <summary>Spends so many microseconds of CPU.</summary>
    Burn = 3,

    /// <summary>Adds to the server's one counter. Not idempotent.</summary>
    Add = 4,

    /// <summary>Tells which process and thread answered.</summary>
    Whoami = 5,
}

/// <summary>From a procedure of <c>multiplex.x</c> to what a client calls.</summary>
public static class MultiplexProcedures
{
    /// <summary>The procedure with its program and version.</summary>
    public static RpcProcedure Remote(this MultiplexProcedure procedure) => new(
        MultiplexProgram.ProgramNumber, MultiplexProgram.ProgramVersion, (uint)procedure, IsIdempotent: procedure != MultiplexProcedure.Add);
}
