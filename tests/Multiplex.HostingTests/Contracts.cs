namespace Multiplex.HostingTests;

[RpcProgram(0x20004700, Version = 1)]
public partial interface IGreeter
{
    [Procedure(1, Idempotent = true)]
    [return: XdrMaxLength(64)]
    ValueTask<string> GreetAsync([XdrMaxLength(32)] string name, CancellationToken cancellationToken = default);

    [Procedure(2, Idempotent = true)]
    ValueTask<int> WaitAsync(CancellationToken cancellationToken = default);

    [Procedure(3, Idempotent = true)]
    ValueTask<int> FailAsync(CancellationToken cancellationToken = default);
}

/// <summary>Greets with the name of the object that lives as long as the call; another service of the same scope gets the same object.</summary>
public sealed class Greeter(Visit visit, Gate gate) : IGreeter
{
    public async ValueTask<string> GreetAsync(string name, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return $"hello, {name}, visit {visit.Number}";
    }

    public async ValueTask<int> WaitAsync(CancellationToken cancellationToken)
    {
        gate.Entered.TrySetResult();
        await gate.Opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return visit.Number;
    }

    public ValueTask<int> FailAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("out of greetings");
}

/// <summary>A service of a scope: counted when it is made and when it is disposed of.</summary>
public sealed class Visit(Visits visits) : IAsyncDisposable
{
    public int Number { get; } = visits.Begin();

    public ValueTask DisposeAsync()
    {
        visits.End();
        return default;
    }
}

public sealed class Visits
{
    private int _begun, _ended;

    public int Begun => Volatile.Read(ref _begun);

    public int Ended => Volatile.Read(ref _ended);

    public int Begin() => Interlocked.Increment(ref _begun);

    public void End() => Interlocked.Increment(ref _ended);
}

/// <summary>Blocks a call until the test opens it.</summary>
public sealed class Gate
{
    public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

[RpcProgram(0x20004701)]
public partial interface ITally
{
    [Procedure(1)]
    int Add(int amount);

    [Procedure(2, Idempotent = true)]
    int Sum();

    [Procedure(3, OneWay = true)]
    void Note(int amount);
}

public sealed class Tally : ITally
{
    private int _sum;

    public int Add(int amount) => Interlocked.Add(ref _sum, amount);

    public int Sum() => Volatile.Read(ref _sum);

    public void Note(int amount) => Add(amount);
}
