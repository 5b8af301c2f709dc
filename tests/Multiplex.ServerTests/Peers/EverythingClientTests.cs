using System.Buffers.Binary;
using System.Text;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Peers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Peers;

/// <summary>
/// A C client of libtirpc with the stubs that rpcgen makes from <c>everything.x</c>, and our server of the same file on each model, over each kind of
/// socket that the two have in common.
/// </summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Models))]
public sealed class EverythingClientTests(string model)
{
    private const int NameLength = 32;

    private ServerProcess? _server;

    [OneTimeSetUp]
    public void Start()
    {
        ListenForm[] forms = [.. Cells.FormsOf(model).Intersect([ListenForm.Tcp, ListenForm.Udp, ListenForm.UnixPath])];
        _server = ServerProcess.StartProgram(
            ServerProcess.TestServers, ["everything", model, .. forms.Select(form => form.NewEndpoint())], forms.Length);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        try
        {
            Assert.That(_server!.Stop(), Is.Zero);
            Assert.That(_server.FinalCount(Counter.ProtocolErrors), Is.Zero);
        }
        finally
        {
            _server?.Dispose();
        }
    }

    [Test]
    public void It_gets_every_result_over_each_kind_of_socket()
    {
        RpcgenProgram.RequireTools();
        foreach (ServerAddress address in _server!.Addresses)
        {
            EverythingCall[] calls = [.. EverythingCall.Over(address.Kind)];
            string[] where = [address.Kind.ToString().ToLowerInvariant(), address.IsInternet ? $"{address.Port}" : address.FilePath!];
            ReadOnlySpan<byte> output = ProgramRun.Successfully(RpcgenProgram.Everything.Client, where, [.. calls.SelectMany(Input)]).Output;
            foreach (EverythingCall call in calls)
            {
                int length = BinaryPrimitives.ReadInt32LittleEndian(output);
                Assert.That(output.Slice(sizeof(int), length).ToArray(), Is.EqualTo(call.Results), $"{call.Stub} over {address}");
                output = output[(sizeof(int) + length)..];
            }
        }
    }

    [Test]
    public void Our_client_gets_them_too()
    {
        foreach (ServerAddress address in _server!.Addresses)
            EverythingClient.CallAll(address);
    }

    private static byte[] Input(EverythingCall call)
    {
        byte[] name = new byte[NameLength];
        Encoding.ASCII.GetBytes(call.Stub, name);
        return [.. name, .. BitConverter.GetBytes(call.Arguments.Length), .. call.Arguments];
    }
}
