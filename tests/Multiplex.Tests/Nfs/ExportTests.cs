using System.Net;
using Multiplex.Nfs.Exports;
using Multiplex.Sockets.Networks;

namespace Multiplex.Tests.Nfs;

public class ExportTests
{
    [Test]
    public void By_default_a_directory_is_exported_under_its_own_name_to_reserved_ports_and_root_is_nobody()
    {
        Export export = Export.Parse("/srv/data");
        Assert.Multiple(() =>
        {
            Assert.That((export.Directory, export.Name), Is.EqualTo(("/srv/data", "/srv/data")));
            Assert.That((export.ReadOnly, export.Insecure, export.NoRootSquash, export.AllSquash, export.Async), Is.EqualTo((false, false, false, false, false)));
            Assert.That((export.AnonymousUser, export.AnonymousGroup), Is.EqualTo((65534u, 65534u)));
            Assert.That((export.AttributeTime, export.GroupsTime), Is.EqualTo((TimeSpan.FromSeconds(1), TimeSpan.Zero)));
            Assert.That(export.Networks, Is.Empty);
        });
    }

    [Test]
    public void Options_follow_the_name()
    {
        Export export = Export.Parse("data=/pub/,ro,insecure,no_root_squash,all_squash,anonuid=1000,anongid=1001,networks=192.0.2.0/24:[2001:db8::/32]:127.0.0.1,async,attr-cache=2.5,manage_gids");
        Assert.Multiple(() =>
        {
            Assert.That((export.Directory, export.Name), Is.EqualTo(("data", "/pub")));
            Assert.That((export.ReadOnly, export.Insecure, export.NoRootSquash, export.AllSquash, export.Async), Is.EqualTo((true, true, true, true, true)));
            Assert.That((export.AnonymousUser, export.AnonymousGroup), Is.EqualTo((1000u, 1001u)));
            Assert.That((export.AttributeTime, export.GroupsTime), Is.EqualTo((TimeSpan.FromSeconds(2.5), TimeSpan.FromMinutes(5))));
            Assert.That(Export.Parse("/d,manage_gids=10,attr-cache=0"), Has.Property("GroupsTime").EqualTo(TimeSpan.FromSeconds(10)).And.Property("AttributeTime").EqualTo(TimeSpan.Zero));
            Assert.That(export.Networks.Select(network => network.ToString()), Is.EqualTo(["192.0.2.0/24", "2001:db8::/32", "127.0.0.1/32"]));
        });
    }

    [Test]
    public void A_comma_or_an_equals_sign_in_a_directory_stands_after_a_backslash()
    {
        Export export = Export.Parse(@"/srv/a\,b\=c=/x,ro");
        Assert.That((export.Directory, export.Name, export.ReadOnly), Is.EqualTo(("/srv/a,b=c", "/x", true)));
    }

    [TestCase("", "write DIR")]
    [TestCase("data", "begins with a slash, as in data=/data")]
    [TestCase("/d=/x=/y", "write DIR")]
    [TestCase("/d,fast", "fast is no option")]
    [TestCase("/d,ro=1", "ro=1 is no option")]
    [TestCase("/d,anonuid=joe", "joe is no id")]
    [TestCase("/d,anonuid=4294967295", "4294967295 is no id")]
    [TestCase("/d,attr-cache=soon", "soon is no time of attr-cache")]
    [TestCase("/d,attr-cache=3601", "write seconds from 0 to 3600")]
    [TestCase("/d,manage_gids=-1", "-1 is no time of manage_gids")]
    [TestCase("/d,networks=host", "write a network")]
    public void What_is_wrong_is_said(string text, string complaint) =>
        Assert.That(() => Export.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(complaint));

    [TestCase("192.0.2.0/24", "192.0.2.255", true)]
    [TestCase("192.0.2.0/24", "192.0.3.0", false)]
    [TestCase("192.0.2.128/25", "192.0.2.127", false)]
    [TestCase("192.0.2.128/25", "192.0.2.128", true)]
    [TestCase("192.0.2.0/24", "::ffff:192.0.2.7", true)]
    [TestCase("192.0.2.0/24", "::192.0.2.7", false)]
    [TestCase("2001:db8::/33", "2001:db8:7fff::1", true)]
    [TestCase("2001:db8::/33", "2001:db8:8000::1", false)]
    [TestCase("2001:db8::/33", "192.0.2.1", false)]
    [TestCase("0.0.0.0/0", "203.0.113.1", true)]
    public void A_network_has_the_addresses_that_begin_with_its_bits(string network, string host, bool contains)
    {
        byte[] address = IPAddress.Parse(host).GetAddressBytes();
        if (address.Length == 16)
            address = [.. address, 0, 0, 0, 0];   // the scope
        Assert.That(ClientNetwork.Parse(network).Contains(address), Is.EqualTo(contains));
    }
}
