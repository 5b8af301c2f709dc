using System.Diagnostics;
using Multiplex.Load.Nats.Messages;
using NATS.Client.Core;

namespace Multiplex.Load.Nats;

/// <summary>The connection to NATS. When it is lost it is made anew, for as long as that takes; what was sent meanwhile may be lost.</summary>
internal sealed class NatsLink : IAsyncDisposable
{
    private static readonly TimeSpan s_leastWait = TimeSpan.FromMilliseconds(100), s_longestWait = TimeSpan.FromSeconds(1), s_connectWithin = TimeSpan.FromSeconds(20);

    private readonly NatsConnection _nats;

    private NatsLink(NatsUrl url, NatsConnection nats) => (Url, _nats) = (url, nats);

    public NatsUrl Url { get; }

    /// <summary>Whether there is a connection now.</summary>
    public bool IsConnected => _nats.ConnectionState == NatsConnectionState.Open;

    /// <summary>Connects.</summary>
    /// <param name="url">To which server.</param>
    /// <param name="name">Its name for this client.</param>
    /// <param name="patience">How long to wait for a server that is not there yet.</param>
    /// <param name="say">Takes a line that says that it is waited for.</param>
    /// <param name="cancelled">Ends that wait.</param>
    /// <exception cref="IOException">It is not there, or does not accept this client.</exception>
    public static async Task<NatsLink> ConnectAsync(NatsUrl url, string name, TimeSpan patience, Action<string> say, CancellationToken cancelled)
    {
        long start = Stopwatch.GetTimestamp();
        for (bool hasSaid = false; ; hasSaid = true)
        {
            NatsConnection nats = new(NatsOpts.Default with
            {
                Url = url.ToNats(),
                Name = name,
                ReconnectWaitMin = s_leastWait,
                ReconnectWaitMax = s_longestWait,
                ConnectTimeout = s_connectWithin,
                CommandTimeout = s_connectWithin,
                IgnoreAuthErrorAbort = true,
            });
            try
            {
                await nats.ConnectAsync().AsTask().WaitAsync(cancelled).ConfigureAwait(false);
                return new(url, nats);
            }
            catch (NatsException e)
            {
                await nats.DisposeAsync().ConfigureAwait(false);
                if (e.GetBaseException() is NatsServerException refused)
                    throw new IOException($"NATS at {url} does not accept this client: {refused.Message}");
                string problem = $"NATS at {url} is not reached";
                if (Stopwatch.GetElapsedTime(start) >= patience)
                    throw new IOException(problem);
                if (!hasSaid)
                    say($"{problem}: it is waited for");
            }
            catch (OperationCanceledException)
            {
                await nats.DisposeAsync().ConfigureAwait(false);
                throw;
            }

            await Task.Delay(s_longestWait / 4, cancelled).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a message; while there is no connection, waits.</summary>
    public ValueTask SendAsync<T>(string subject, T message, CancellationToken cancelled) => _nats.PublishAsync(subject, Message.Write(message), cancellationToken: cancelled);

    /// <summary>Asks all that listen, each of which answers to this subject.</summary>
    public ValueTask AskAllAsync(string subject, string answers, CancellationToken cancelled) => _nats.PublishAsync(subject, replyTo: answers, cancellationToken: cancelled);

    /// <summary>Asks one that listens.</summary>
    /// <exception cref="TimeoutException">There is no answer in this time.</exception>
    /// <exception cref="FormatException">The answer is damaged.</exception>
    public async Task<TAnswer> AskAsync<TQuestion, TAnswer>(string subject, TQuestion question, TimeSpan within, CancellationToken cancelled)
    {
        try
        {
            NatsMsg<byte[]> answer = await _nats.RequestAsync<byte[], byte[]>(subject, Message.Write(question), replyOpts: new() { Timeout = within }, cancellationToken: cancelled).ConfigureAwait(false);
            return Message.Read<TAnswer>(answer.Data);
        }
        catch (NatsException e) when (e is NatsNoReplyException or NatsNoRespondersException)
        {
            throw new TimeoutException(e.Message, e);
        }
    }

    /// <summary>Listens to a subject from now on.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="cancelled">Ends the listening too.</param>
    public ValueTask<INatsSub<byte[]>> ListenAsync(string subject, CancellationToken cancelled) => _nats.SubscribeCoreAsync<byte[]>(subject, cancellationToken: cancelled);

    /// <summary>A subject of this client's own, for answers.</summary>
    public string NewInbox() => _nats.NewInbox();

    /// <summary>Waits until the server has taken all that was sent.</summary>
    public async Task FlushAsync(CancellationToken cancelled) => await _nats.PingAsync(cancelled).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _nats.DisposeAsync();
}
