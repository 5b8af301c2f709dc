namespace Multiplex.Load.Engine;

/// <summary>The requests that were last counted as lost. They distinguish a late reply from a repeated one.</summary>
internal sealed class LostRequests
{
    private const int Capacity = 1024;

    private uint[] _lost = [];
    private int _count;
    private int _oldest;

    /// <summary>Adds a request; if there is no room for it, it replaces another one.</summary>
    public void Add(uint sequence)
    {
        if (_lost.Length == 0)
            _lost = new uint[Capacity];
        if (_count < Capacity)
            _lost[_count++] = sequence;
        else
            _lost[_oldest++ % Capacity] = sequence;
    }

    /// <summary>Forgets a request.</summary>
    /// <returns>Whether it was remembered.</returns>
    public bool Remove(uint sequence)
    {
        int found = _lost.AsSpan(0, _count).IndexOf(sequence);
        if (found >= 0)
            _lost[found] = _lost[--_count];
        return found >= 0;
    }
}
