using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Multiplex.Rpc.Server;

/// <summary>
/// How the objects that implement a contract are served: the counterpart of <see cref="RpcContracts"/> on the server. The code that the generator
/// writes registers its adapters in a module initializer.
/// </summary>
public static class RpcPrograms
{
    private static readonly ConcurrentDictionary<Type, Contract> s_contracts = new();

    /// <summary>Registers how a contract is served. A later registration replaces an earlier one.</summary>
    /// <typeparam name="T">The contract: an interface with <see cref="RpcProgramAttribute"/>, or one that was generated from a .x file.</typeparam>
    /// <param name="create">Makes the program that calls those objects.</param>
    public static void Register<T>(Func<RpcInstances<T>, IRpcProgram> create)
        where T : class => s_contracts[typeof(T)] = new Contract<T>(create);

    /// <summary>The programs that an object is: itself, if it is one, or one for each contract that it implements.</summary>
    /// <exception cref="ArgumentException">It is none, and implements none.</exception>
    public static IReadOnlyList<IRpcProgram> Of(object implementation)
    {
        ArgumentNullException.ThrowIfNull(implementation);
        if (implementation is IRpcProgram program)
            return [program];
        InitializeModules(implementation);
        IRpcProgram[] programs = [.. s_contracts.Values.Select(contract => contract.TryServe(implementation)).OfType<IRpcProgram>()];
        return programs.Length > 0 ? programs : throw new ArgumentException(
            $"{implementation.GetType()} implements no RPC contract: have it implement an interface marked [RpcProgram], or one that was made from a .x file", nameof(implementation));
    }

    /// <summary>The program that calls these objects.</summary>
    /// <exception cref="ArgumentException">The type is no contract.</exception>
    public static IRpcProgram Of<T>(RpcInstances<T> instances)
        where T : class
    {
        if (!s_contracts.TryGetValue(typeof(T), out Contract? contract))
        {
            RuntimeHelpers.RunModuleConstructor(typeof(T).Module.ModuleHandle);
            s_contracts.TryGetValue(typeof(T), out contract);
        }

        return ((Contract<T>?)contract)?.Create(instances) ?? throw new ArgumentException(
            $"{typeof(T)} is no RPC contract: mark the interface with [RpcProgram], in a project that references the package Multiplex.Rpc, whose generator makes its stub");
    }

    // The runtime runs a module's initializer at the first use of its code, and an interface has none. A native program has run all of them.
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "an interface that was trimmed has no stub that could serve it")]
    private static void InitializeModules(object implementation)
    {
        foreach (Type contract in implementation.GetType().GetInterfaces())
            RuntimeHelpers.RunModuleConstructor(contract.Module.ModuleHandle);
    }

    private abstract class Contract
    {
        public abstract IRpcProgram? TryServe(object implementation);
    }

    private sealed class Contract<T>(Func<RpcInstances<T>, IRpcProgram> create) : Contract
        where T : class
    {
        public Func<RpcInstances<T>, IRpcProgram> Create => create;

        public override IRpcProgram? TryServe(object implementation) => implementation is T one ? create(new(one)) : null;
    }
}
