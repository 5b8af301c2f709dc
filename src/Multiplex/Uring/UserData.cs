namespace Multiplex.Uring;

/// <summary>What a completion is of.</summary>
internal enum Operation : byte
{
    /// <summary>Its completion is of no interest.</summary>
    None,

    /// <summary>A connection was accepted, or could not be; by the slot of the accept.</summary>
    Accept,

    /// <summary>A connection is pending at a listener that could not accept; by the listener's index.</summary>
    Pending,

    /// <summary>Bytes were received into a provided buffer, or the last; by descriptor.</summary>
    Receive,

    /// <summary>More of a long request is there to be received; by descriptor.</summary>
    Readable,

    /// <summary>A send of the batch fell short; by its place in the batch.</summary>
    Send,

    /// <summary>The peer takes replies again; by descriptor.</summary>
    Writable,

    /// <summary>Datagrams are there to be received; by the socket's index.</summary>
    Datagrams,

    /// <summary>A file was read, written or synchronized; by slot.</summary>
    File,

    /// <summary>The server is to stop.</summary>
    Stop,

    /// <summary>Other threads have posted something.</summary>
    Posted,
}

/// <summary>The word that goes with an operation and comes back with its completion, io_uring_sqe.user_data.</summary>
internal static class UserData
{
    public static ulong Of(Operation operation, int index) => ((ulong)(uint)index << 8) | (byte)operation;

    public static Operation OperationOf(ulong userData) => (Operation)(byte)userData;

    public static int IndexOf(ulong userData) => (int)(userData >> 8);
}
