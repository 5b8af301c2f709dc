using System.Reflection;
using System.Text.RegularExpressions;
using Multiplex.Interop;

namespace Multiplex.Tests.Forking;

/// <summary>
/// The file by which the linker places the code of a forked child together. The compiler ignores an unknown name, and a child then has
/// more page faults; so this test finds a method that was renamed or moved.
/// </summary>
public sealed partial class ChildOrderTests
{
    private const BindingFlags AnyMember = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Test]
    public void It_names_methods_that_exist()
    {
        HashSet<string> known = [.. NamesIn(typeof(Service).Assembly), .. NamesIn(typeof(OutputBuffer).Assembly), .. NamesIn(typeof(Libc).Assembly)];
        string[] ours =
        [
            .. File.ReadLines(Path.Combine(Repository.Root, "src", "child.order")).Where(name => name.StartsWith("Multiplex_", StringComparison.Ordinal)),
        ];
        Assert.That(ours, Has.Length.GreaterThan(20).And.Unique);
        Assert.That(ours.Where(name => !known.Contains(name) && !known.Contains(Overload().Replace(name, ""))), Is.Empty);
    }

    // As the ahead-of-time compiler names them: what is no letter or digit becomes an underscore; overloads are numbered.
    private static IEnumerable<string> NamesIn(Assembly assembly) =>
        from type in assembly.GetTypes()
        from method in type.GetMethods(AnyMember)
        select Other().Replace($"{assembly.GetName().Name}_{type.FullName}__{method.Name}", "_");

    [GeneratedRegex("_[0-9]+$")]
    private static partial Regex Overload();

    [GeneratedRegex("[^A-Za-z0-9]")]
    private static partial Regex Other();
}
