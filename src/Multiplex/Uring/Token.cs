namespace Multiplex.Uring;

/// <summary>What a completion is of.</summary>
internal enum Operation : byte
{
    /// <summary>Nobody asks what came of it.</summary>
    None,

    /// <summary>A connection was accepted, or could not be; by the slot of the accept.</summary>
    Accept,

    /// <summary>A connection is pending at a listener that could not accept; by the listener's index.</summary>
    Knock,

    /// <summary>Bytes were received, or the last; by descriptor.</summary>
    Receive,

    /// <summary>A send of the batch fell short; by its place in the batch.</summary>
    Send,

    /// <summary>Replies that the peer was slow to take went out; by descriptor.</summary>
    SendOwed,

    /// <summary>The server is to stop.</summary>
    Stop,
}

/// <summary>The word that goes with an operation and comes back with its completion.</summary>
internal static class Token
{
    public static ulong Of(Operation operation, int index) => ((ulong)(uint)index << 8) | (byte)operation;

    public static Operation OperationOf(ulong token) => (Operation)(byte)token;

    public static int IndexOf(ulong token) => (int)(token >> 8);
}
