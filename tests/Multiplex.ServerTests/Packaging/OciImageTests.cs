using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.ServerTests.Harness.Packages;
using NUnit.Framework;

namespace Multiplex.ServerTests.Packaging;

/// <summary>The OCI image: an image layout with one layer that has the binary alone, which serves without any other file.</summary>
public sealed class OciImageTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();
    private string _archive = "", _root = "";
    private JsonElement _index, _manifest, _configuration;

    [OneTimeSetUp]
    public void Unpack()
    {
        _archive = Packages.Find($"*-{Packages.Architecture}.oci.tar");
        TarFile.ExtractToDirectory(_archive, _folder.FullName, overwriteFiles: false);
        _index = Json(Path.Combine(_folder.FullName, "index.json"));
        _manifest = Json(Blob(_index.GetProperty("manifests")[0]));
        _configuration = Json(Blob(_manifest.GetProperty("config")));
        _root = _folder.CreateSubdirectory("root").FullName;
        using GZipStream layer = new(File.OpenRead(Blob(_manifest.GetProperty("layers")[0])), CompressionMode.Decompress);
        TarFile.ExtractToDirectory(layer, _root, overwriteFiles: false);
    }

    [OneTimeTearDown]
    public void RemoveFiles() => _folder.Delete(recursive: true);

    [Test]
    public void It_is_an_image_layout_of_one_layer_whose_digests_and_sizes_are_true()
    {
        Assert.That(Json(Path.Combine(_folder.FullName, "oci-layout")).GetProperty("imageLayoutVersion").GetString(), Is.EqualTo("1.0.0"));
        JsonElement[] described = [_index.GetProperty("manifests")[0], _manifest.GetProperty("config"), .. _manifest.GetProperty("layers").EnumerateArray()];
        Assert.That(described, Has.Length.EqualTo(3));
        Assert.Multiple(() =>
        {
            foreach (JsonElement descriptor in described)
            {
                Assert.That(Digest(File.OpenRead(Blob(descriptor))), Is.EqualTo(descriptor.GetProperty("digest").GetString()));
                Assert.That(new FileInfo(Blob(descriptor)).Length, Is.EqualTo(descriptor.GetProperty("size").GetInt64()));
            }

            Assert.That(Directory.GetFiles(Path.Combine(_folder.FullName, "blobs/sha256")), Has.Length.EqualTo(described.Length));
            using GZipStream layer = new(File.OpenRead(Blob(described[2])), CompressionMode.Decompress);
            Assert.That(Digest(layer), Is.EqualTo(_configuration.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString()));
            Assert.That(_configuration.GetProperty("architecture").GetString(), Is.EqualTo(Packages.Architecture));
            JsonElement run = _configuration.GetProperty("config");
            Assert.That(run.GetProperty("Entrypoint")[0].GetString(), Is.EqualTo("/multiplex"));
            Assert.That(run.GetProperty("Labels").GetProperty("org.opencontainers.image.version").GetString(), Is.EqualTo(Packages.Version));
            Assert.That(Directory.GetFileSystemEntries(_root), Is.EqualTo(new[] { Path.Combine(_root, "multiplex") }));
        });
    }

    [Test]
    public void The_same_binary_makes_the_same_image()
    {
        string again = Path.Combine(_folder.FullName, "again");
        ProgramRun.Successfully(
            Tools.Require("env"),
            [
                $"SOURCE_DATE_EPOCH={_configuration.GetProperty("created").GetDateTimeOffset().ToUnixTimeSeconds()}", Path.Combine(Repository.Root, "src/packaging/image.sh"),
                Path.Combine(_root, "multiplex"), Packages.Version, Packages.Architecture, again,
            ]);
        Assert.That(File.ReadAllBytes(Directory.GetFiles(again).Single()).AsSpan().SequenceEqual(File.ReadAllBytes(_archive)), Is.True);
    }

    // As a container has it: the binary alone, /proc, a network and processes of its own, and the two files of resolv.conf(5) and hosts(5).
    private const string Container = """
        PATH="$PATH:/usr/sbin:/sbin"
        ip link set lo up
        mkdir "$1/proc" "$1/etc"
        mount -t proc proc "$1/proc"
        echo "127.0.0.1 server" >"$1/etc/hosts"
        for model in fork prefork threads pool epoll hybrid; do
            for protocol in rpc echo; do
                chroot "$1" /multiplex serve --model $model --protocol $protocol --listen tcp://server:4000 >"$1/listening" &
                tries=0
                until [ -s "$1/listening" ] || [ $((tries += 1)) -gt 500 ]; do sleep 0.05; done
                if [ $protocol = rpc ]; then
                    chroot "$1" /multiplex call tcp://server:4000 echo "$model"
                else
                    chroot "$1" /multiplex load tcp://server:4000 --protocol echo --connections 2 --requests 20 >/dev/null && echo "$model $protocol"
                fi
                kill $!
                wait $! || echo "status $?"
                : >"$1/listening"
            done
        done
        """;

    [Test]
    public void With_nothing_else_in_its_root_it_answers_calls_and_echoes()
    {
        NetworkOf.RequireOne();
        string root = Directory.CreateDirectory(Path.Combine(_folder.FullName, "container")).FullName;
        File.Copy(Path.Combine(_root, "multiplex"), Path.Combine(root, "multiplex"));
        ProgramRun run = ProgramRun.Of(Tools.Require("unshare"), ["--net", "--mount", "--pid", "--fork", "--kill-child", Tools.Require("sh"), "-c", Container, "sh", root]);
        string[] models = ["fork", "prefork", "threads", "pool", "epoll", "hybrid"];
        Assert.That(run.Lines, Is.EqualTo(models.SelectMany(model => new[] { model, $"{model} echo" })), () => string.Join('\n', run.Errors));
    }

    private string Blob(JsonElement descriptor) => Path.Combine(_folder.FullName, "blobs", descriptor.GetProperty("digest").GetString()!.Replace(':', '/'));

    private static JsonElement Json(string file) => JsonDocument.Parse(File.ReadAllText(file)).RootElement;

    private static string Digest(Stream stream)
    {
        using (stream)
            return $"sha256:{Convert.ToHexStringLower(SHA256.HashData(stream))}";
    }
}
