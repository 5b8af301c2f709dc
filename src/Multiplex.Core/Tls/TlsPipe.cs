using static Multiplex.Interop.OpenSsl;

namespace Multiplex.Tls;

/// <summary>
/// Where the bytes of the TLS connections of one thread pass through: OpenSSL reads received ones from memory and writes those to be sent into memory.
/// A connection leaves nothing in it when it has had its turn, so that all of a thread share one, and an idle connection has no buffers.
/// </summary>
internal sealed unsafe class TlsPipe
{
    /// <summary>Bytes that are received at a time.</summary>
    public const int ReceivedAtOnce = 32 * 1024;

    private readonly BIO* _received = NewMemory();
    private readonly BIO* _toSend = NewMemory();

    /// <summary>Gives the memory back. Connections that still have it keep it until they end.</summary>
    ~TlsPipe()
    {
        _ = BIO_free(_received);
        _ = BIO_free(_toSend);
    }

    /// <summary>What a thread receives the ciphertext of its connections into.</summary>
    public byte[] ReceiveBuffer { get => field ??= GC.AllocateUninitializedArray<byte>(ReceivedAtOnce); }

    /// <summary>What replies are sealed into, before they take the place of the plaintext.</summary>
    public OutputBuffer Sealed { get; } = new();

    /// <summary>Bytes that OpenSSL has written.</summary>
    public int ToSend => (int)BIO_ctrl_pending(_toSend);

    /// <summary>Has a connection read and write here.</summary>
    public void Attach(SSL* connection)
    {
        _ = BIO_up_ref(_received);
        _ = BIO_up_ref(_toSend);
        SSL_set_bio(connection, _received, _toSend);
    }

    /// <summary>Lets OpenSSL read these bytes.</summary>
    public void Put(ReadOnlySpan<byte> ciphertext)
    {
        fixed (byte* bytes = ciphertext)
        {
            if (!ciphertext.IsEmpty && BIO_write(_received, bytes, ciphertext.Length) != ciphertext.Length)
                throw TlsException.OutOfMemory;
        }
    }

    /// <summary>Drops what OpenSSL has not read: its connection has failed, or has ended.</summary>
    public void DropReceived() => BIO_ctrl(_received, BIO_CTRL_RESET, 0, null);

    /// <summary>Appends what OpenSSL has written.</summary>
    public void Take(OutputBuffer ciphertext)
    {
        int count = ToSend;
        if (count == 0)
            return;
        fixed (byte* room = ciphertext.Append(count))
            _ = BIO_read(_toSend, room, count);
    }

    private static BIO* NewMemory()
    {
        BIO* memory = BIO_new(BIO_s_mem());
        return memory is not null ? memory : throw TlsException.OutOfMemory;
    }
}
