using System.IO.Compression;
using System.Reflection.Metadata;
using System.Xml.Linq;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>The NuGet packages of the libraries and of the command.</summary>
public sealed class NuGetPackageTests
{
    private static readonly string[] s_libraries = ["Multiplex.Interop", "Multiplex.Core", "Multiplex", "Multiplex.Rpc.Client", "Multiplex.Rpc", "Multiplex.Rpc.Client.Hosting", "Multiplex.Rpc.Hosting", "Multiplex.Rpc.Redis", "Multiplex.Demo", "Multiplex.Nfs", "Multiplex.Load", "Multiplex.Load.Nats", "Multiplex.Fleet"];

    // Portable PDB, the kind of custom debug information that holds a source.
    private static readonly Guid s_embeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    private readonly PackageFeed _feed = new();

    [OneTimeTearDown]
    public void RemoveFiles() => _feed.Dispose();

    [Test]
    public void Each_has_a_readme_of_its_own_the_licence_and_the_commit_and_the_libraries_have_symbols()
    {
        string own = $"Multiplex.Tool.{PackageFeed.Runtime}";
        string[] packages = [.. Directory.GetFiles(Packages.Folder, "*.nupkg").Where(file => !IdOf(file).StartsWith("Multiplex.Tool.", StringComparison.Ordinal) || IdOf(file) == own)];
        Assert.That(
            packages.Select(IdOf),
            Is.EquivalentTo((string[])[.. s_libraries, "Multiplex.Rpcgen", "Multiplex.Templates", "Multiplex.Tool", own]));
        Assert.Multiple(() =>
        {
            HashSet<string> readmes = [];
            foreach (string file in packages)
            {
                string id = IdOf(file);
                using ZipArchive package = ZipFile.OpenRead(file);
                XElement about = XDocument.Load(package.GetEntry($"{id}.nuspec")!.Open()).Root!.Elements().Single();
                XElement Field(string name) => about.Elements().Single(element => element.Name.LocalName == name);
                Assert.That(Field("version").Value, Is.EqualTo(Packages.Version), id);
                Assert.That((Field("license").Attribute("type")!.Value, Field("license").Value), Is.EqualTo(("expression", "MIT")), id);
                Assert.That(Field("repository").Attribute("commit")!.Value, Does.Match(@"^[0-9a-f]{40}(\.dirty)?$"), id);
                Assert.That(Field("description").Value, Has.Length.GreaterThan(20), id);
                using StreamReader readme = new(package.GetEntry(Field("readme").Value)!.Open());
                readmes.Add(readme.ReadToEnd());
            }

            Assert.That(readmes, Has.Count.EqualTo(s_libraries.Length + 3), "the two packages of the command have the same readme");
        });
        foreach (string library in s_libraries)
        {
            using ZipArchive symbols = ZipFile.OpenRead(Packages.Find($"{library}.{Packages.Version}.snupkg"));
            Assert.That(symbols.Entries.Select(entry => entry.FullName), Has.Member($"lib/net10.0/{library}.pdb"));
        }
    }

    // A project without the list has no analyzer that compares it with the code.
    [Test]
    public void What_each_library_shows_is_listed_beside_it() => Assert.That(
        s_libraries.Select(library => $"{(library == "Multiplex.Interop" ? "native-interop" : $"src/{library}")}/PublicAPI.Shipped.txt")
            .Where(list => !File.Exists(Path.Combine(Repository.Root, list)) || File.ReadLines(Path.Combine(Repository.Root, list)).Count() < 5),
        Is.Empty);

    // SourceLink, which is in the SDK, adds the address of the other sources, in a clone with a known remote.
    [Test]
    public void The_symbols_have_the_sources_that_are_generated()
    {
        using ZipArchive symbols = ZipFile.OpenRead(Packages.Find($"Multiplex.Rpc.Client.{Packages.Version}.snupkg"));
        using MemoryStream file = new();
        using (Stream entry = symbols.GetEntry("lib/net10.0/Multiplex.Rpc.Client.pdb")!.Open())
            entry.CopyTo(file);
        file.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(file);
        MetadataReader reader = provider.GetMetadataReader();
        string[] embedded =
        [
            .. reader.Documents.Where(document => reader.GetCustomDebugInformation(document).Any(one => reader.GetGuid(reader.GetCustomDebugInformation(one).Kind) == s_embeddedSource))
                .Select(document => reader.GetString(reader.GetDocument(document).Name)),
        ];
        Assert.That(embedded, Has.Some.EndsWith("headers.x.g.cs"));
    }

    [Test]
    public void What_the_readmes_of_the_libraries_show_can_be_built()
    {
        _feed.WriteProject("""<PackageReference Include="Multiplex.Load.Nats" Version="*" /><PackageReference Include="Multiplex.Nfs" Version="*" /><PackageReference Include="Multiplex.Fleet" Version="*" />""");
        foreach (string library in s_libraries.Where(library => !library.StartsWith("Multiplex.Rpc", StringComparison.Ordinal)))
        {
            using ZipArchive package = ZipFile.OpenRead(Packages.Find($"{library}.{Packages.Version}.nupkg"));
            using StreamReader readme = new(package.GetEntry("README.md")!.Open());
            string text = readme.ReadToEnd().Split("```csharp\n")[1].Split("```\n")[0];
            if (text.Contains("Main(", StringComparison.Ordinal))
            {
                _feed.Write($"{library}.cs", text);
                continue;
            }

            string[] sample = text.Split('\n');
            bool IsUsing(string line) => line.StartsWith("using ", StringComparison.Ordinal) && !line.Contains('=');   // a directive, not a declaration
            _feed.Write(
                $"{library}.cs",
                $$"""
                {{string.Join('\n', sample.Where(IsUsing))}}
                public static class Of{{library.Replace(".", "")}}
                {
                    public static void Main()
                    {
                {{string.Join('\n', sample.Where(line => !IsUsing(line)))}}
                    }
                }
                """);
        }

        _feed.Dotnet("build", "-o", "out", "-p:StartupObject=OfMultiplex");
        Assert.That(_feed.Dotnet("out/sample.dll"), Has.Length.EqualTo(1).And.Some.StartsWith("echo at tcp://127.0.0.1:"));
    }

    private static string IdOf(string file) => Path.GetFileName(file)[..^$".{Packages.Version}.nupkg".Length];
}
