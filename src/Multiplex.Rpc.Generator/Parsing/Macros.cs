using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Rpc.Generator.Parsing;

/// <summary>The macros of the C preprocessor, and the replacement of the words that name them: ISO C section 6.10.3, without #.</summary>
internal sealed class Macros
{
    private readonly Dictionary<string, Macro> _all = [];

    /// <summary>The names of the macros without parameters.</summary>
    public IEnumerable<string> Plain => _all.Where(one => one.Value.Parameters is null).Select(one => one.Key);

    public bool IsDefined(string name) => _all.ContainsKey(name);

    public void Undefine(string name) => _all.Remove(name);

    /// <summary>What stands after #define: a name, parameters in brackets right behind it, and words.</summary>
    /// <exception cref="SyntaxException">There is no name, or the parameters are not closed.</exception>
    public void Define(List<Token> words, Position position)
    {
        if (words.Count == 0 || words[0].Kind != TokenKind.Identifier)
            throw new SyntaxException(position, "#define is followed by no name");
        Token name = words[0];
        bool hasParameters = words.Count > 1 && words[1].Is("(") && words[1].Position.Column == name.Position.Column + name.Text.Length;
        int end = hasParameters ? words.FindIndex(word => word.Is(")")) : 0;
        if (end < 0)
            throw new SyntaxException(position, $"the parameters of #define {name.Text} are not closed by ')'");
        string[]? parameters = hasParameters ? [.. words.Take(end).Skip(2).Where(word => !word.Is(",")).Select(word => word.Text)] : null;
        _all[name.Text] = new(parameters, [.. words.Skip(end + 1)]);
    }

    /// <summary>A macro from outside the files, as cpp(1) takes it after -D: NAME, which is 1, or NAME=WORDS.</summary>
    /// <exception cref="SyntaxException">There is no name.</exception>
    public void Define(string definition, Position position)
    {
        int sign = definition.IndexOf('=');
        List<Token> words = [];
        if (definition.Length == 0 || !Lexer.IsWordStart(definition[0]))
            throw new SyntaxException(position, $"'{definition}' is no macro: write NAME or NAME=WORDS");
        Lexer.Split(sign < 0 ? definition + " 1" : definition.Substring(0, sign) + " " + definition.Substring(sign + 1), position, words);
        Define(words, position);
    }

    /// <summary>Puts what macros stand for in place of their names, also within what they stand for.</summary>
    /// <exception cref="SyntaxException">The arguments of a macro are not closed.</exception>
    public List<Token> Expand(IEnumerable<Token> words) => Expand(words.Select(word => new Pending(word, null)));

    private List<Token> Expand(IEnumerable<Pending> words)
    {
        List<Token> expanded = [];
        Stack<Pending> rest = new(words.Reverse());
        while (rest.Count > 0)
        {
            Pending next = rest.Pop();
            string name = next.Word.Text;
            bool isMacro = next.Word.Kind == TokenKind.Identifier && _all.TryGetValue(name, out Macro? macro)
                && !Hidden.Contains(next.Hidden, name) && (macro.Parameters is null || (rest.Count > 0 && rest.Peek().Word.Is("(")));
            if (!isMacro)
            {
                expanded.Add(next.Word);
                continue;
            }

            macro = _all[name];
            IEnumerable<Token> body = macro.Parameters is null ? macro.Body : WithArguments(macro, Arguments(rest, next.Word));
            foreach (Token word in Enumerable.Reverse(Pasted(body)))
                rest.Push(new(word with { Position = next.Word.Position }, new(name, next.Hidden)));
        }

        return expanded;
    }

    // The words between the brackets that come next, divided by commas.
    private static List<List<Token>> Arguments(Stack<Pending> rest, Token name)
    {
        List<List<Token>> arguments = [[]];
        int depth = 0;
        while (rest.Count > 0)
        {
            Token word = rest.Pop().Word;
            depth += word.Is("(") ? 1 : word.Is(")") ? -1 : 0;
            if (depth == 0)
                return arguments;
            if (depth == 1 && word.Is(","))
                arguments.Add([]);
            else if (depth > 1 || !word.Is("("))
                arguments[arguments.Count - 1].Add(word);
        }

        throw new SyntaxException(name.Position, $"the arguments of {name.Text} are not closed by ')'");
    }

    private IEnumerable<Token> WithArguments(Macro macro, List<List<Token>> arguments)
    {
        for (int i = 0; i < macro.Body.Length; i++)
        {
            Token word = macro.Body[i];
            int parameter = word.Kind == TokenKind.Identifier ? Array.IndexOf(macro.Parameters!, word.Text) : -1;
            bool isPasted = (i > 0 && macro.Body[i - 1].Is("##")) || (i + 1 < macro.Body.Length && macro.Body[i + 1].Is("##"));
            IEnumerable<Token> words = parameter < 0 ? [word]
                : parameter >= arguments.Count ? []
                : isPasted ? arguments[parameter]
                : Expand(arguments[parameter]);
            foreach (Token one in words)
                yield return one;
        }
    }

    private static List<Token> Pasted(IEnumerable<Token> body)
    {
        List<Token> pasted = [];
        bool isNext = false;
        foreach (Token word in body)
        {
            if (word.Is("##"))
            {
                isNext = pasted.Count > 0;
            }
            else if (isNext)
            {
                Token before = pasted[pasted.Count - 1];
                pasted[pasted.Count - 1] = before with { Text = before.Text + word.Text };
                isNext = false;
            }
            else
            {
                pasted.Add(word);
            }
        }

        return pasted;
    }

    private sealed record Macro(string[]? Parameters, Token[] Body);

    // A word, and the macros that it came from: they do not stand for anything in it.
    private sealed record Pending(Token Word, Hidden? Hidden);

    private sealed record Hidden(string Name, Hidden? Others)
    {
        public static bool Contains(Hidden? hidden, string name)
        {
            while (hidden is not null && hidden.Name != name)
                hidden = hidden.Others;
            return hidden is not null;
        }
    }
}
