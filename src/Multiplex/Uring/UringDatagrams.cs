using Multiplex.Engine.Calls;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// The datagram sockets of a ring. Each is polled; what has come is received and answered at the end of the turn, a batch with one call: recvmmsg(2)
/// and sendmmsg(2) move as many with one system call as a ring would, and need no operation for each.
/// </summary>
internal sealed class UringDatagrams : IDisposable
{
    private readonly SubmissionQueue _submissions;
    private readonly InlineDatagramEndpoint[] _endpoints;
    private readonly bool[] _isPolled;   // by endpoint
    private bool _isStopping;

    /// <summary>Prepares to serve the service's datagram sockets.</summary>
    public UringDatagrams(Service service, LateReplies late, SubmissionQueue submissions)
    {
        _submissions = submissions;
        _isPolled = new bool[service.Datagrams.Count];
        _endpoints =
        [
            .. service.Datagrams.Select((socket, index) =>
                new InlineDatagramEndpoint(socket, service.Protocol, service.Options, service.Counters, service.Addresses, late) { LateReplied = () => Watch(index) }),
        ];
    }

    /// <summary>How many there are.</summary>
    public int Count => _endpoints.Length;

    /// <summary>Whether there is something to receive or to answer in this turn.</summary>
    public bool HasWork => Array.Exists(_endpoints, static endpoint => endpoint.HasWork);

    /// <summary>Whether late replies are awaited.</summary>
    public bool HasLate => Array.Exists(_endpoints, static endpoint => endpoint.HasLate);

    /// <summary>Whether anything is left to do while the server stops.</summary>
    public bool IsBusy => HasWork || HasLate;

    /// <summary>Whether the kernel watches one of the sockets.</summary>
    public bool IsPolling => _isPolled.AsSpan().Contains(true);

    /// <summary>Starts to watch the sockets.</summary>
    public void Start()
    {
        for (int i = 0; i < _endpoints.Length; i++)
            Watch(i);
    }

    /// <summary>A socket is readable, or is not watched any more.</summary>
    public void OnReadable(in io_uring_cqe completion)
    {
        int index = UserData.IndexOf(completion.user_data);
        _isPolled[index] = false;
        _endpoints[index].IsReady = true;
    }

    /// <summary>The turn of one socket.</summary>
    /// <param name="index">Which.</param>
    /// <param name="atMost">How many datagrams to take, at most.</param>
    /// <returns>False when it has nothing to do.</returns>
    public bool Serve(int index, int atMost)
    {
        if (!_endpoints[index].HasWork)
            return false;
        _endpoints[index].Serve(atMost);
        Watch(index);
        return true;
    }

    /// <summary>Has the kernel watch no socket any more.</summary>
    public void Stop()
    {
        _isStopping = true;
        for (int i = 0; i < _endpoints.Length; i++)
        {
            if (_isPolled[i])
                _submissions.Cancel(Operation.Datagrams, i);
        }
    }

    /// <summary>The server is stopping: datagrams that have arrived are still answered, and no more are received.</summary>
    public void BeginDrain()
    {
        foreach (InlineDatagramEndpoint endpoint in _endpoints)
            endpoint.BeginDrain();
    }

    /// <summary>Cancels late replies: the server ends.</summary>
    public void CancelLate()
    {
        foreach (InlineDatagramEndpoint endpoint in _endpoints)
            endpoint.CancelLate();
    }

    /// <summary>Closes the sockets.</summary>
    public void Dispose()
    {
        foreach (InlineDatagramEndpoint endpoint in _endpoints)
            endpoint.Dispose();
    }

    // Backpressure: what there is no room for stays with the kernel. One that has work has its turn without a look at the socket.
    private void Watch(int index)
    {
        InlineDatagramEndpoint endpoint = _endpoints[index];
        if (_isStopping || _isPolled[index] || endpoint.HasWork || endpoint.Room == 0)
            return;
        _isPolled[index] = true;
        _submissions.Poll(endpoint.Descriptor, POLLIN, Operation.Datagrams, index);
    }
}
