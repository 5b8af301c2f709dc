using System.Buffers.Binary;
using Multiplex.Rpc.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Binding;

/// <summary>A name service in this process that delays every unregistration until the test releases it.</summary>
internal sealed class HeldNameService : IDisposable
{
    private readonly NameService _names = new(new());
    private readonly Holding _protocol;
    private readonly ServedHere _server;

    public HeldNameService()
    {
        _protocol = new(new NameServiceProtocol(_names));
        _server = new(_ => _protocol);
    }

    public string Address => _server.Address;

    /// <summary>How many registrations there are.</summary>
    public int Count => _names.Table.All.Count;

    /// <summary>Waits until a server unregisters.</summary>
    public void AwaitUnset() => Assert.That(_protocol.Asked.Wait(Eventually.Deadline), Is.True, "no server unregisters");

    public void Release() => _protocol.Released.Set();

    public void Dispose()
    {
        Release();
        _server.Dispose();
    }

    private sealed class Holding(IProtocol inner) : IProtocol
    {
        private const int ProcedureOffset = 24;   // record mark, xid, CALL, 2, program, version
        private const uint Unset = 2;             // in every version

        public ManualResetEventSlim Asked { get; } = new();

        public ManualResetEventSlim Released { get; } = new();

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => inner.Frame(received, ref progress);

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(frame[ProcedureOffset..]) == Unset)
            {
                Asked.Set();
                Released.Wait(Eventually.Deadline);
            }

            return inner.AnswerFrame(frame, peer, reply);
        }

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply) => inner.AnswerMessage(message, peer, reply);
    }
}
