using System.Runtime.CompilerServices;
using Multiplex.Rpc.Client;

namespace Multiplex.Rpc;

/// <summary>
/// The interfaces that are contracts of remote programs, and how the client stub of each is made. The code that the generator writes
/// registers them in a module initializer; <see cref="RpcClient.Create{T}"/> looks them up.
/// </summary>
public static class RpcContracts
{
    /// <summary>Registers how a contract's client stub is made. A later registration replaces an earlier one.</summary>
    /// <typeparam name="T">The contract: an interface with <see cref="RpcProgramAttribute"/>, or one that was generated from a .x file.</typeparam>
    /// <param name="create">Makes the stub, which calls by the client that it is given. It may run on any thread.</param>
    public static void Register<T>(Func<RpcClient, T> create)
        where T : class => Contract<T>.Create = create;

    /// <summary>The function that makes a contract's stub.</summary>
    /// <exception cref="InvalidOperationException">The type is no contract.</exception>
    internal static Func<RpcClient, T> Find<T>()
        where T : class
    {
        // The runtime runs a module's initializer at the first use of its code, and an interface has none.
        if (Contract<T>.Create is null)
            RuntimeHelpers.RunModuleConstructor(typeof(T).Module.ModuleHandle);
        return Contract<T>.Create ?? throw new InvalidOperationException(
            $"{typeof(T)} is no RPC contract: mark the interface with [RpcProgram], in a project that references the package Multiplex.Rpc, whose generator makes its stub");
    }

    private static class Contract<T>
    {
        public static volatile Func<RpcClient, T>? Create;
    }
}
