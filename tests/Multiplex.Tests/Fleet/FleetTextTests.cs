using Multiplex.Cli;
using Multiplex.Cli.Engines;
using Multiplex.Fleet;
using Multiplex.Fleet.Dns;
using Multiplex.Fleet.Etcd;

namespace Multiplex.Tests.Fleet;

/// <summary>How a fleet is written: URLs of etcd, programs in it, keys, and lines of a DNS zone.</summary>
public sealed class FleetTextTests
{
    [TestCase("etcd://a", "http://a:2379/", "/multiplex")]
    [TestCase("etcd://a:1,[::1]:2,c/x/y/", "http://a:1/ http://[::1]:2/ http://c:2379/", "/x/y")]
    [TestCase("etcds://a/", "https://a:2379/", "/multiplex")]
    public void An_etcd_has_members_and_a_prefix(string text, string members, string prefix)
    {
        EtcdAddress address = EtcdAddress.Parse(text);
        Assert.That(() => FleetEngines.RequireUrl("--register-at", text), Throws.Nothing);
        Assert.That(string.Join(' ', address.Members), Is.EqualTo(members));
        Assert.That(address.Prefix, Is.EqualTo(prefix));
    }

    [TestCase("http://a")]
    [TestCase("etcd:a")]
    [TestCase("etcd://")]
    [TestCase("etcd://a,")]
    [TestCase("etcd://a:0")]
    [TestCase("etcd://a:x")]
    [TestCase("etcd://a:")]
    [TestCase("etcd://a#b")]
    [TestCase("etcd://a//b")]
    [TestCase("etcd://a/b c")]
    [TestCase("etcd://a?b")]
    public void Another_text_is_no_etcd_and_no_option_either(string text)
    {
        Assert.That(() => EtcdAddress.Parse(text), Throws.TypeOf<FormatException>().With.Message.StartsWith($"'{text}' is no etcd"));
        Assert.That(() => FleetEngines.RequireUrl("--register-at", text), Throws.TypeOf<UsageException>().With.Message.StartsWith($"--register-at {text}: ").And.Message.EndsWith($"write {FleetEngines.Form}"));
    }

    [TestCase("etcd://u:secret@a")]
    [TestCase("http://u:secret@a/b")]
    [TestCase("u:secret@a")]
    [TestCase("rpc+etcd://u:secret@a/7")]
    public void A_password_is_refused_and_not_repeated(string text)
    {
        foreach (Action<string> read in (Action<string>[])[one => EtcdAddress.Parse(one), one => FleetProgram.Parse(one), one => FleetEngines.RequireUrl("--register-at", one), one => FleetEngines.FindAgents(one)])
            Assert.That(() => read(text), Throws.Exception.With.Message.Contains(": write ").And.Message.Not.Contains("secret"));
    }

    [TestCase("nats://h", "nats://h")]
    [TestCase("nat://u:secret@h", "nat://…@h")]
    [TestCase("nats://u:s@cret@a:1,nats://u:secret@b", "nats://…@b")]
    [TestCase("u:secret@h", "…@h")]
    public void A_URL_is_shown_without_its_user(string url, string shown) => Assert.That(FleetEngines.Shown(url), Is.EqualTo(shown));

    [TestCase("redis://u:secret@h", "redis://…@h: the URL of a Redis has no user and no password: write redis://")]
    [TestCase("u:secret@h:p", "…@h:p: the URL of a Redis has no user and no password: write redis://")]
    [TestCase("memcached://h", "'memcached://h' is no Redis: write redis://")]
    [TestCase("redis://h/first", "'redis://h/first' is no Redis: write redis://")]
    [TestCase("redis://h?x", "'redis://h?x' is no Redis: write redis://")]
    [TestCase("redis", "'redis' is no Redis: write redis://")]
    public void Another_text_is_no_Redis(string text, string message) => Assert.That(() => RedisAddress.Parse(text), Throws.TypeOf<FormatException>().With.Message.StartsWith(message));

    [TestCase("rpc+etcd://a/100003", "/multiplex/rpc/100003/")]
    [TestCase("rpc+etcd://a:1,b/0x20004543/1?prefix=/x", "/x/rpc/536888643/1/")]
    [TestCase("rpc+etcds://a/100003/3?netid=udp&prefix=/x/", "/x/rpc/100003/3/")]
    public void A_program_has_keys(string text, string keys) => Assert.That(FleetProgram.Parse(text).Keys, Is.EqualTo(keys));

    [TestCase("rpc+etcd://a")]
    [TestCase("rpc+etcd://a/no-such-program")]
    [TestCase("rpc+etcd://a/1/2/3")]
    [TestCase("rpc+etcd://a/1/x")]
    [TestCase("rpc+etcd://a/1?netid=local")]
    [TestCase("rpc+etcd://a/1?color=red")]
    [TestCase("rpc://a/1")]
    public void Another_text_is_no_program(string text) => Assert.That(() => FleetProgram.Parse(text), Throws.TypeOf<FormatException>().With.Message.StartsWith($"'{text}' is no"));

    [TestCase("/multiplex/rpc/7/1/tcp/192.0.2.7.15.160", "tcp://192.0.2.7:4000")]
    [TestCase("/multiplex/rpc/7/1/udp6/2001:db8::1.15.160", "udp://[2001:db8::1]:4000")]
    [TestCase("/multiplex/rpc/7/1/tcp/0.0.0.0.15.160", null)]
    [TestCase("/multiplex/rpc/7/1/tcp/192.0.2.7.0.0", null)]
    [TestCase("/multiplex/rpc/7/1/tcp/::1.15.160", null)]
    [TestCase("/multiplex/rpc/7/1/local//run/x", null)]
    [TestCase("/multiplex/rpc/7/x/tcp/192.0.2.7.15.160", null)]
    [TestCase("/multiplex/rpc/-7/1/tcp/192.0.2.7.15.160", null)]
    [TestCase("/other/rpc/7/1/tcp/192.0.2.7.15.160", null)]
    public void A_key_is_a_server_that_others_reach_or_none(string key, string? server)
    {
        FleetEntry? entry = FleetEntry.Of("/multiplex", new(System.Text.Encoding.UTF8.GetBytes(key), null, 5));
        Assert.That(entry?.Endpoint.ToString(), Is.EqualTo(server));
        if (entry is not null)
            Assert.That((entry.Key("/multiplex"), entry.Registration.Owner, entry.Lease), Is.EqualTo((key, "unknown@unknown", 5L)));
    }

    [TestCase("""{"owner":"1000","host":"web1.example","pid":"7"}""", "1000@web1.example")]
    [TestCase("""{"owner":"a\nb","host":"x@y"}""", "unknown@unknown")]
    [TestCase("""["no object"]""", "unknown@unknown")]
    [TestCase("by hand", "unknown@unknown")]
    [TestCase("", "unknown@unknown")]
    public void A_value_may_be_anything_and_what_is_shown_of_it_is_printable(string value, string owner)
    {
        FleetEntry? entry = FleetEntry.Of("/multiplex", new("/multiplex/rpc/7/1/tcp/192.0.2.7.15.160"u8.ToArray(), System.Text.Encoding.UTF8.GetBytes(value), 0));
        Assert.That(entry!.Registration.Owner, Is.EqualTo(owner));
    }

    [Test]
    public void Without_a_version_calls_go_to_the_highest()
    {
        FleetEntry[] all = [.. new[] { "7/1/tcp/192.0.2.1.1.1", "7/2/tcp/192.0.2.2.1.1", "7/3/udp/192.0.2.3.1.1", "7/2/tcp6/::2.1.1" }.Select(text => FleetEntry.Parse(text)!)];
        Assert.That(FleetProgram.Parse("rpc+etcd://a/7").Callable(all), Is.EqualTo((FleetEntry[])[all[1], all[3]]));
        Assert.That(FleetProgram.Parse("rpc+etcd://a/7?netid=udp").Callable(all), Is.EqualTo((FleetEntry[])[all[2]]));
        Assert.That(FleetProgram.Parse("rpc+etcd://a/8").Callable([]), Is.Empty);
    }

    [Test]
    public void A_zone_has_a_service_record_for_each_server_and_an_address_for_each_host()
    {
        FleetEntry[] all = [.. new[] { "7/1/tcp/192.0.2.7.15.160", "7/1/tcp6/2001:db8::1.15.160", "7/1/udp/192.0.2.7.15.161" }.Select(text => FleetEntry.Parse(text)!)];
        Assert.That(SrvZone.Of(all, TimeSpan.FromSeconds(2.5)).Split('\n')[1..], Is.EqualTo((string[])
        [
            "_rpc-7-1._tcp 3 IN SRV 0 0 4000 h-192-0-2-7",
            "_rpc-7-1._tcp 3 IN SRV 0 0 4000 h-20010db8000000000000000000000001",
            "_rpc-7-1._udp 3 IN SRV 0 0 4001 h-192-0-2-7",
            "h-192-0-2-7 3 IN A 192.0.2.7",
            "h-20010db8000000000000000000000001 3 IN AAAA 2001:db8::1",
            "",
        ]));
    }
}
