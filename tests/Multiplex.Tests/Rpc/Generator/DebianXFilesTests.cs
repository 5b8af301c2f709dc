using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>Every .x file of Debian's rpcsvc-proto and libtirpc gives stubs that compile, and types that are read and written correctly.</summary>
public class DebianXFilesTests
{
    private const string Folder = "/usr/include";

    private static IEnumerable<string> Files() => ((string[])["rpcsvc", "tirpc"])
        .Select(name => Path.Combine(Folder, name))
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.x", SearchOption.AllDirectories))
        .Select(path => Path.GetRelativePath(Folder, path))
        .Order(StringComparer.Ordinal);

    [Test]
    public void They_are_there()
    {
        string[] files = [.. Files()];
        if (!files.Any(file => file.StartsWith("rpcsvc", StringComparison.Ordinal)) || !files.Contains("tirpc/rpc/rpcb_prot.x"))
            Tools.Missing("the .x files of rpcsvc-proto and libtirpc-dev are not installed");
        Assert.That(files, Has.Length.GreaterThanOrEqualTo(19));
    }

    [TestCaseSource(nameof(Files))]
    public void It_compiles_and_its_values_come_back_as_the_same_bytes(string name)
    {
        XFile file = Read(Path.Combine(Folder, name));
        XFile[] others = [.. Directory.GetFiles(Path.GetDirectoryName(file.Path)!, "nis*.x").Where(path => path != file.Path).Select(Read)];
        Codecs codecs = Codecs.Of(file, others, out CompositeType[] types);
        Random random = new(20261124);
        foreach (CompositeType type in types)
        {
            for (int i = 0; i < 20; i++)
            {
                byte[] value = RandomXdr.Value(type, random);
                Assert.That(codecs.Recode(type, value), Is.EqualTo(value), type.Name);
                Assert.That(codecs.Recode(type, value[..^4]), Is.Null, $"{type.Name}, cut short");
            }
        }
    }

    private static XFile Read(string path) =>
        new(path, File.ReadAllText(path), "Debian." + Naming.Pascal(Path.GetFileNameWithoutExtension(path)));
}
