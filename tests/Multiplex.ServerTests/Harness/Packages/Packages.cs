using System.Runtime.InteropServices;
using System.Xml.Linq;

namespace Multiplex.ServerTests.Harness.Packages;

/// <summary>What <c>./run-all.sh package</c> has made.</summary>
internal static class Packages
{
    /// <summary>The folder. The test is skipped where nothing was packaged.</summary>
    public static string Folder
    {
        get
        {
            string folder = Path.Combine(Repository.Root, "artifacts/packages");
            if (!Directory.Exists(folder))
                Tools.Missing($"{folder} is not there: run ./run-all.sh package");
            return folder;
        }
    }

    /// <summary>The version of all of them.</summary>
    public static string Version { get; } =
        XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>What Debian and OCI call this machine's processor.</summary>
    public static string Architecture { get; } = RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64 ? "amd64" : "arm64";

    /// <summary>The one package whose name matches.</summary>
    public static string Find(string pattern) => Directory.GetFiles(Folder, pattern) switch
    {
        [string file] => file,
        string[] files => throw new InvalidOperationException($"{Folder} has {files.Length} files {pattern}"),
    };
}
