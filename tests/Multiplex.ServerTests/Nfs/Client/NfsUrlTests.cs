using Multiplex.Nfs.Client;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Client;

/// <summary>URLs and paths of NFS as text.</summary>
public sealed class NfsUrlTests
{
    [TestCase("nfs://host/", "host", null, "/")]
    [TestCase("nfs://host/a/b", "host", null, "/a/b")]
    [TestCase("NFS://127.0.0.1:2049/a", "127.0.0.1", 2049, "/a")]
    [TestCase("nfs://[::1]:65535/a", "::1", 65535, "/a")]
    [TestCase("nfs://host/a%20b%2fc%25", "host", null, "/a b/c%")]
    [TestCase("nfs://host/h%C3%A4user", "host", null, "/häuser")]
    [TestCase("nfs://host/häuser", "host", null, "/häuser")]
    [TestCase("nfs://host/%ffx", "host", null, @"/\xffx")]
    public void A_url_is_host_port_and_bytes(string text, string host, int? port, string path)
    {
        NfsUrl url = NfsUrl.Parse(text);
        Assert.That((url.Host, url.Port, $"{url.Path}"), Is.EqualTo((host, port, path)));
    }

    [TestCase("/a")]
    [TestCase("http://host/a")]
    [TestCase("nfs:host/a")]
    [TestCase("nfs://")]
    [TestCase("nfs://host")]
    [TestCase("nfs:///a")]
    [TestCase("nfs://host:/a")]
    [TestCase("nfs://host:0/a")]
    [TestCase("nfs://host:65536/a")]
    [TestCase("nfs://host:1:2/a")]
    [TestCase("nfs://::1/a")]
    [TestCase("nfs://[::1/a")]
    [TestCase("nfs://[]/a")]
    [TestCase("nfs://[::1]2049/a")]
    [TestCase("nfs://host/%")]
    [TestCase("nfs://host/%f")]
    [TestCase("nfs://host/%fg")]
    [TestCase("nfs://host/%00")]
    public void Anything_else_is_refused_with_what_is_wrong(string text) =>
        Assert.That(Assert.Throws<FormatException>(() => NfsUrl.Parse(text))!.Message, Does.StartWith($"'{text}' is no place on an NFS server: "));

    [TestCase("", "")]
    [TestCase("/", "")]
    [TestCase("a", "a")]
    [TestCase("/a//b/./c/", "a,b,c")]
    [TestCase("../a/..", "..,a,..")]
    [TestCase("...", "...")]
    public void A_path_is_names(string path, string names) =>
        Assert.That(string.Join(',', ((NfsPath)path).Names().Select(name => $"{new NfsPath(name)}")), Is.EqualTo(names));

    [TestCase("", "n", "n")]
    [TestCase("/", "n", "/n")]
    [TestCase("a", "n", "a/n")]
    [TestCase("/a/", "n", "/a/n")]
    public void A_name_follows_a_directory(string directory, string name, string expected) =>
        Assert.That($"{((NfsPath)directory).Combine(((NfsPath)name).Bytes.Span)}", Is.EqualTo(expected));

    [Test]
    public void Bytes_that_are_not_utf8_are_escaped()
    {
        byte[] name = [(byte)'a', 0xC3, 0xA4, 0xC3, 0xE2, 0x82, 0xEF, 0xBF, 0xBD, 0x80];
        Assert.That($"{new NfsPath(name)}", Is.EqualTo("aä\\xc3\\xe2\\x82\uFFFD\\x80"));
    }
}
