using Multiplex.Load.Comparison.Stacks;

namespace Multiplex.Tests.Load.Comparison.Stacks;

/// <summary>The names of methods in native binaries.</summary>
public class ManagedNameTests
{
    [TestCase("Multiplex_Rpc_Multiplex_Rpc_CpuBurner__Spend", "CpuBurner.Spend")]
    [TestCase("Multiplex_Multiplex_Servers_Reactors_StreamConnection__Answer", "StreamConnection.Answer")]
    [TestCase("S_P_CoreLib_System_Collections_Generic_Dictionary_2<Int32__Double>__Resize_0", "Dictionary.Resize_0")]
    [TestCase("S_P_CoreLib_System_Collections_Generic_List_1_Enumerator<Int64>__MoveNext", "Enumerator.MoveNext")]
    [TestCase("S_P_CoreLib_System_Collections_Generic_Dictionary_2<System___Canon__Int32>___ctor_2", "Dictionary.ctor_2")]
    [TestCase("S_P_CoreLib_System_IO_Stream___c___BeginEndWriteAsync_b__62_0", "Stream.BeginEndWriteAsync (lambda)")]
    [TestCase("Multiplex_Multiplex_Servers_ForkModel___c__DisplayClass0_0___Run_b__2", "ForkModel.Run (lambda)")]
    [TestCase("Multiplex_Multiplex_Servers_ForkModel___c__DisplayClass0_0___Run_g__Fork_2", "ForkModel.Run.Fork")]
    [TestCase("System_Diagnostics_Process_System_Diagnostics_ProcessWaitState___WaitForExitAsync_d__26__MoveNext", "ProcessWaitState.WaitForExitAsync")]
    [TestCase("RhpNewFast", "RhpNewFast")]
    public void A_name_is_its_type_and_its_method(string symbol, string name) => Assert.That(ManagedName.Of(symbol), Is.EqualTo(name));
}
