using Multiplex.Cli.Loading;
using Multiplex.Rpc;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Cli.XFiles;

/// <summary>A procedure of a .x file, and a call of it that is written as in C: <c>GREET("you", 3)</c>.</summary>
/// <param name="Procedure">The procedure.</param>
/// <param name="Call">The call.</param>
internal sealed record XFileCall(RpcProcedure Procedure, XCall Call)
{
    /// <summary>Reads a call.</summary>
    /// <param name="file">The .x file.</param>
    /// <param name="defines">Macros of -D, one a line.</param>
    /// <param name="folders">Where to look for included files that are not beside it, one folder a line.</param>
    /// <param name="text">The call.</param>
    /// <param name="program">The program that must have the procedure; null for any.</param>
    /// <param name="version">The version that must have the procedure; null for the highest that has it.</param>
    /// <exception cref="UsageException">The file is not a .x file or has no such procedure, or the arguments do not fit.</exception>
    public static XFileCall Read(string file, string defines, string folders, string text, uint? program, uint? version)
    {
        Specification specification = Load(file, defines, folders);
        int open = text.IndexOf('(');
        string name = (open < 0 ? text : text[..open]).Trim();
        if (open >= 0 && !text.TrimEnd().EndsWith(')'))
            throw new UsageException($"--call {text}: the closing parenthesis is missing");
        var all = from one in specification.Programs
                  from of in one.Versions
                  from procedure in of.Procedures
                  select (Program: (uint)(one.Number.Value ?? 0), Version: (uint)(of.Number.Value ?? 0), Procedure: procedure);
        var matching = all.Where(one => one.Procedure.Name == name
            && (program is null || one.Program == program) && (version is null || one.Version == version)).ToArray();
        if (matching.Length == 0)
        {
            string names = string.Join(", ", all.Select(one => one.Procedure.Name).Distinct());
            throw new UsageException($"--call {text}: {file} has no procedure '{name}' in that program and version: there is {(names.Length > 0 ? names : "none at all")}");
        }

        var (number, highest, found) = matching.MaxBy(one => one.Version);
        XdrText arguments = new(open < 0 ? "" : text.TrimEnd()[(open + 1)..^1], specification);
        try
        {
            return new(
                new(number, highest, (uint)(found.Number.Value ?? 0)),
                new(arguments.ReadAll(found.Arguments), results => XdrShape.Problem(found.Result, results)));
        }
        catch (FormatException e)
        {
            throw new UsageException($"--call {text}: {e.Message}");
        }
    }

    private static Specification Load(string file, string defines, string folders)
    {
        if (!File.Exists(file))
            throw new UsageException($"--x {file}: there is no such file");
        ProblemList problems = [];
        XFile Read(string path) => new(path, File.ReadAllText(path), "Load", Defines: XFileOptions.Macros(defines));
        Specification? specification = Read(file).Load(XFileOptions.Finder(file, folders, Read), problems);
        return specification ?? throw new UsageException($"--x {problems.First(problem => problem.IsError)}");
    }
}
