using Multiplex.Cli.Engines;

namespace Multiplex.Tests.Serving;

public class RedisAddressTests
{
    [TestCase("redis://10.0.0.1", "10.0.0.1", 6379, null, 0)]
    [TestCase("redis://redis1:7000/3", "redis1", 7000, null, 3)]
    [TestCase("redis://[::1]:7000/", "::1", 7000, null, 0)]
    [TestCase("redis+unix:///run/redis/my%20socket", "", 0, "/run/redis/my socket", 0)]
    public void A_URL_says_where_Redis_is(string text, string host, int port, string? path, int database) =>
        Assert.That(RedisAddress.Parse(text), Is.EqualTo(new RedisAddress(host, port, path, database)));

    [TestCase("redis://")]
    [TestCase("redis1:6379")]
    [TestCase("redis://host/one")]
    [TestCase("redis://host/-1")]
    [TestCase("redis://host/1/2")]
    [TestCase("redis://:secret@host")]
    [TestCase("redis://host?db=1")]
    [TestCase("redis+unix://host/path")]
    [TestCase("redis+unix:///")]
    [TestCase("etcd://host")]
    public void Anything_else_is_refused(string text) => Assert.That(() => RedisAddress.Parse(text), Throws.InstanceOf<FormatException>().With.Message.Contains("write redis://HOST[:PORT][/DB]"));
}
