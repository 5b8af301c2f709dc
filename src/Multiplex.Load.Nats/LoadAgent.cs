using System.Diagnostics;
using Multiplex.Load.Agents;
using Multiplex.Load.Nats.Messages;
using Multiplex.Load.Reporting;
using NATS.Client.Core;

namespace Multiplex.Load.Nats;

/// <summary>An agent: waits for the plans of coordinators, and carries out one at a time.</summary>
public sealed class LoadAgent
{
    private readonly LoadAgentOptions _options;
    private readonly NatsLink _link;
    private readonly string _id = $"{Random.Shared.NextInt64():x16}";
    private AgentRun? _run;   // the last one
    private Task _finishing = Task.CompletedTask;
    private int _ended, _failed;

    private LoadAgent(LoadAgentOptions options, NatsLink link) => (_options, _link) = (options, link);

    /// <summary>Lives until it is cancelled, or has had as many runs as it was to have. A run that is under way then fails.</summary>
    /// <param name="nats">Where NATS is.</param>
    /// <param name="options">How it is.</param>
    /// <param name="cancelled">Ends it.</param>
    /// <returns>Whether all its runs ended well.</returns>
    /// <exception cref="IOException">NATS does not accept it. For a server that is not there it waits.</exception>
    public static async Task<bool> RunAsync(NatsUrl nats, LoadAgentOptions options, CancellationToken cancelled)
    {
        try
        {
            await using NatsLink link = await NatsLink.ConnectAsync(nats, $"multiplex agent {options.Name}", TimeSpan.MaxValue, options.Say, cancelled).ConfigureAwait(false);
            return await new LoadAgent(options, link).LiveAsync(cancelled).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            return true;   // before it had a run
        }
    }

    private async Task<bool> LiveAsync(CancellationToken cancelled)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        await using INatsSub<byte[]> searches = await _link.ListenAsync(Subjects.Find, end.Token).ConfigureAwait(false);
        await using INatsSub<byte[]> questions = await _link.ListenAsync(Subjects.OfAgent(_id), end.Token).ConfigureAwait(false);
        _options.Say($"agent {_options.Name} waits for plans at {_link.Url}");
        Task found = ServeAsync(searches, message => ReplyAsync(message, Introduce(), end.Token), end.Token);
        Task asked = ServeAsync(questions, message => AnswerAsync(message, end), end.Token);
        await Task.WhenAll(found, asked).ConfigureAwait(false);
        if (_run is { IsOver: false })
            _run.Abandon("its agent was ended");
        await _finishing.ConfigureAwait(false);
        _run?.Dispose();
        return _failed == 0;
    }

    // A message that is damaged is said, and not answered.
    private async Task ServeAsync(INatsSub<byte[]> questions, Func<NatsMsg<byte[]>, Task> answer, CancellationToken end)
    {
        try
        {
            await foreach (NatsMsg<byte[]> message in questions.Msgs.ReadAllAsync(end).ConfigureAwait(false))
            {
                try
                {
                    await answer(message).ConfigureAwait(false);
                }
                catch (Exception e) when (e is FormatException or NatsException)
                {
                    _options.Say($"{message.Subject}: {e.Message}");
                }
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    private Hello Introduce() => new(_id, _options.Name, Environment.MachineName, _options.Role, MachineReport.OfThisMachine(), _run is { IsOver: false } ? _run.Plan.Run : null);

    private Task AnswerAsync(NatsMsg<byte[]> question, CancellationTokenSource end) =>
        Subjects.IsClock(question.Subject) ? ReplyAsync(question, new Clock(Stopwatch.GetTimestamp()), end.Token)
        : Subjects.IsPlan(question.Subject) ? TakeAsync(question, end)
        : Subjects.IsGo(question.Subject) ? BeginAsync(question, end.Token)
        : throw new FormatException("nothing is asked so");

    // The name of the run is a part of subjects.
    internal static bool IsDamaged(LoadPlan plan) =>
        plan.Part is not { Index: >= 0, Count: > 0 } || plan.Part.Index >= plan.Part.Count || plan.SilenceS is not (> 0 and < 3600)
        || plan.Run.Length == 0 || !plan.Run.All(char.IsAsciiLetterOrDigit) || plan.Words.Any(word => word is null);

    private async Task TakeAsync(NatsMsg<byte[]> question, CancellationTokenSource end)
    {
        LoadPlan plan = Message.Read<LoadPlan>(question.Data);
        string? refused = _run is { IsOver: false } ? $"it is in run {_run.Plan.Run}"
            : plan.Role != _options.Role ? $"it is there to {_options.Role}, not to {plan.Role}".ToLowerInvariant()
            : IsDamaged(plan) ? "the plan is damaged"
            : null;
        if (refused is null)
        {
            _options.Say($"run {plan.Run}: part {plan.Part.Index + 1} of {plan.Part.Count}");
            _run?.Dispose();
            _run = await AgentRun.StartAsync(_link, plan, _id, _options).ConfigureAwait(false);
            _finishing = FinishAsync(_run, end);
        }

        await ReplyAsync(question, new Answer(refused), end.Token).ConfigureAwait(false);
    }

    private Task BeginAsync(NatsMsg<byte[]> question, CancellationToken end)
    {
        Go go = Message.Read<Go>(question.Data);
        return ReplyAsync(question, new Answer(_run is { } run && run.Plan.Run == go.Run ? run.Begin(go.At) : $"it is not in run {go.Run}"), end);
    }

    private async Task ReplyAsync<T>(NatsMsg<byte[]> question, T answer, CancellationToken end)
    {
        if (question.ReplyTo is { } asker)
            await _link.SendAsync(asker, answer, end).ConfigureAwait(false);
    }

    private async Task FinishAsync(AgentRun run, CancellationTokenSource end)
    {
        string? failure;
        AgentResult? result;
        try
        {
            result = await run.Ended.ConfigureAwait(false);
            failure = run.Failure;
        }
        catch
        {
            await end.CancelAsync().ConfigureAwait(false);   // a fault of this program: the agent ends with it
            throw;
        }

        try
        {
            if (result is not null)
                _options.Ended?.Invoke(result);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            failure = e.Message;
        }

        _failed += failure is null ? 0 : 1;
        _options.Say(failure is null ? $"run {run.Plan.Run} has ended: {result!.Tally.Replies} replies" : $"run {run.Plan.Run} has failed: {failure}");
        run.IsOver = true;
        if (++_ended == _options.Runs)
            await end.CancelAsync().ConfigureAwait(false);
    }
}
