using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>A remote program: a set of procedures under a number, in one or more versions.</summary>
public interface IRpcProgram
{
    /// <summary>The program's number.</summary>
    uint Number { get; }

    /// <summary>The lowest version that there is.</summary>
    uint LowVersion { get; }

    /// <summary>The highest version that there is.</summary>
    uint HighVersion { get; }

    /// <summary>The server stub: unmarshals the arguments, runs the procedure, marshals the results.</summary>
    /// <param name="version">One of the program's versions.</param>
    /// <param name="procedure">The procedure's number.</param>
    /// <param name="arguments">The arguments. All of them must be read, and nothing left over: else they are garbage.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="results">Receives the results; dropped unless the status is success.</param>
    /// <returns>What the reply says.</returns>
    AcceptStatus Call(uint version, uint procedure, ref XdrReader arguments, in Peer caller, XdrWriter results);
}
