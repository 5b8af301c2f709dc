using System.Text;

namespace Multiplex.Rpc.Generator.Emitting;

/// <summary>Lines of code, indented by the blocks they stand in.</summary>
internal sealed class CodeWriter
{
    private const int Indent = 4;

    private readonly StringBuilder _text = new();
    private int _depth;
    private bool _isFirst = true;

    public override string ToString() => _text.ToString();

    public void Line(string line)
    {
        if (line.Length > 0)
            _text.Append(' ', _depth * Indent).Append(line);
        _text.Append('\n');
        _isFirst = false;
    }

    /// <summary>A blank line before a member of a block, unless it is the first.</summary>
    public void Gap()
    {
        if (!_isFirst)
            Line("");
    }

    /// <summary>A one-line docstring.</summary>
    public void Summary(string text) => Line($"/// <summary>{text}</summary>");

    /// <summary>Opens a block after a line.</summary>
    public void Open(string line, string bracket = "{")
    {
        Line(line);
        Line(bracket);
        _depth++;
        _isFirst = true;
    }

    /// <summary>An enum, each value with what its source calls it.</summary>
    public void Enum(string summary, string head, IEnumerable<(string Source, string Name, decimal Value)> values)
    {
        Gap();
        Summary(summary);
        Open(head);
        foreach ((string source, string name, decimal value) in values)
        {
            Gap();
            Summary(source);
            Line($"{name} = {CSharpTypes.Text(value)},");
        }

        Close();
    }

    public void Close(string end = "}")
    {
        _depth--;
        Line(end);
    }

    /// <summary>What belongs to the line before it.</summary>
    public void Indented(string line)
    {
        _depth++;
        Line(line);
        _depth--;
    }
}
