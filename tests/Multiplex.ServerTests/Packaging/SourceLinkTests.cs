using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>
/// A library that is packed in a clone with a remote names in its package the repository and the commit that it was built from, and in its symbols
/// where a debugger fetches each source of that commit. The clone here has the smallest of the libraries, and a remote that is only a name.
/// </summary>
public sealed class SourceLinkTests
{
    private const string Remote = "https://github.com/example/multiplex";

    // Portable PDB, the kind of custom debug information that maps files to addresses.
    private static readonly Guid s_sourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");

    private readonly PackageFeed _feed = new();

    [OneTimeTearDown]
    public void RemoveFiles() => _feed.Dispose();

    [Test]
    public void The_package_has_the_repository_and_the_commit_and_the_symbols_have_the_address_of_each_source()
    {
        foreach (string source in Git(Repository.Root, "ls-files", "native-interop", "Directory.*", ".editorconfig"))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_feed.In(source))!);
            File.Copy(Path.Combine(Repository.Root, source), _feed.In(source));
        }

        Git(_feed.In(""), "init", "--quiet");
        Git(_feed.In(""), "remote", "add", "origin", $"{Remote}.git");
        Git(_feed.In(""), "add", "native-interop");
        Git(_feed.In(""), "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "Add the library");
        string commit = Git(_feed.In(""), "rev-parse", "HEAD").Single();
        _feed.Dotnet("pack", "native-interop", "--configuration", "Release", "--output", "packed");

        using ZipArchive package = ZipFile.OpenRead(_feed.In($"packed/Multiplex.Interop.{Packages.Version}.nupkg"));
        XElement repository = XDocument.Load(package.GetEntry("Multiplex.Interop.nuspec")!.Open()).Descendants().Single(element => element.Name.LocalName == "repository");
        Assert.That((repository.Attribute("url")!.Value, repository.Attribute("commit")!.Value), Is.EqualTo(($"{Remote}.git", commit)).Or.EqualTo((Remote, commit)));

        using ZipArchive symbols = ZipFile.OpenRead(_feed.In($"packed/Multiplex.Interop.{Packages.Version}.snupkg"));
        using MemoryStream file = new();
        using (Stream entry = symbols.GetEntry("lib/net10.0/Multiplex.Interop.pdb")!.Open())
            entry.CopyTo(file);
        file.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(file);
        MetadataReader reader = provider.GetMetadataReader();
        BlobHandle map = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation).Single(one => reader.GetGuid(one.Kind) == s_sourceLink).Value;
        JsonProperty link = JsonDocument.Parse(Encoding.UTF8.GetString(reader.GetBlobBytes(map))).RootElement.GetProperty("documents").EnumerateObject().Single();
        Assert.That(link.Value.GetString(), Is.EqualTo($"https://raw.githubusercontent.com/example/multiplex/{commit}/*"));
        string[] documents = [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
        Assert.That(documents, Has.Some.EqualTo(link.Name.Replace("*", "native-interop/unistd.h.cs", StringComparison.Ordinal)));
    }

    private static string[] Git(string folder, params string[] arguments) => ProgramRun.Successfully(Tools.Require("git"), arguments, folder: folder).Lines;
}
