using Multiplex.Tests.Rpc.Server;

namespace Multiplex.Tests.Rpc.Messages;

/// <summary>Credentials and verifiers, RFC 5531 section 8.2 and appendix A.</summary>
[TestFixture(Form.Record)]
[TestFixture(Form.Fragments)]
[TestFixture(Form.Datagram)]
public class RpcCredentialTests(Form form) : RpcFixture(form)
{
    private const uint None = 0, Sys = 1, Short = 2, Dh = 3, Gss = 6;
    private const uint AuthError = 1, BadCred = 1, RejectedCred = 2, BadVerf = 3;

    // stamp, machinename "host", uid 1000, gid 100, gids 100 and 27
    private static readonly byte[] s_sys = [.. Words(7, 4), .. "host"u8, .. Words(1000, 100, 2, 100, 27)];

    [Test]
    public void AUTH_NONE_is_accepted() => Assert.That(Ask(CallAs(None, [])), Is.EqualTo(Accepted(0, 3, 0x61626300)));

    [Test]
    public void AUTH_NONE_is_accepted_whatever_its_body() =>
        Assert.That(Ask(CallAs(None, new byte[400])), Is.EqualTo(Accepted(0, 3, 0x61626300)));

    [Test]
    public void AUTH_SYS_is_accepted() => Assert.That(Ask(CallAs(Sys, s_sys)), Is.EqualTo(Accepted(0, 3, 0x61626300)));

    [Test]
    public void AUTH_SYS_is_accepted_with_as_much_as_it_may_have()
    {
        byte[] most = [.. Words(7, 255), .. new byte[256], .. Words(0, 0, 16), .. new byte[64]];
        Assert.That(Ask(CallAs(Sys, most)), Is.EqualTo(Accepted(0, 3, 0x61626300)));
    }

    private static IEnumerable<TestCaseData> BrokenSys()
    {
        (string Name, byte[] Body)[] all =
        [
            ("nothing", []),
            ("a stamp alone", Words(7)),
            ("a name that is longer than the body", Words(7, 100, 0, 0, 0)),
            ("a name of 4 GiB", Words(7, 0xFFFFFFFF, 0, 0, 0)),
            ("a name that is too long", [.. Words(7, 256), .. new byte[256], .. Words(0, 0, 0)]),
            ("no groups' number", [.. Words(7, 0, 0, 0)]),
            ("fewer groups than declared", Words(7, 0, 0, 0, 2, 1)),
            ("groups left over", Words(7, 0, 0, 0, 1, 1, 1)),
            ("seventeen groups", [.. Words(7, 0, 0, 0, 17), .. new byte[68]]),
            ("a billion groups", Words(7, 0, 0, 0, 0x40000000)),
            ("half a word left over", [.. s_sys, 0, 0]),
        ];
        return all.Select(one => new TestCaseData(one.Body).SetArgDisplayNames(one.Name));
    }

    [TestCaseSource(nameof(BrokenSys))]
    public void AUTH_SYS_that_makes_no_sense_is_AUTH_BADCRED(byte[] body) =>
        Assert.That(Ask(CallAs(Sys, body)), Is.EqualTo(Denied(AuthError, BadCred)));

    [TestCase(None)]
    [TestCase(Sys)]
    [TestCase(Gss)]
    public void A_credential_of_more_than_400_bytes_is_AUTH_BADCRED(uint flavor)
    {
        Assert.That(Ask(CallAs(flavor, new byte[404])), Is.EqualTo(Denied(AuthError, BadCred)));
        Assert.That(Ask(Head(flavor, 0xFFFFFFFF)), Is.EqualTo(Denied(AuthError, BadCred)), "however little of it is there");
    }

    [TestCase(Short)]
    [TestCase(Dh)]
    [TestCase(Gss)]
    [TestCase(0xFFFFFFFFu)]
    public void A_flavor_that_is_not_served_is_AUTH_REJECTEDCRED(uint flavor) =>
        Assert.That(Ask(CallAs(flavor, Words(1, 2))), Is.EqualTo(Denied(AuthError, RejectedCred)));

    [Test]
    public void A_verifier_of_more_than_400_bytes_is_AUTH_BADVERF()
    {
        byte[] call = [.. Head(None, 0), .. Words(None, 401), .. new byte[404], .. Words(3, 0x61626300)];
        Assert.That(Ask(call), Is.EqualTo(Denied(AuthError, BadVerf)));
    }

    [Test]
    public void A_refused_caller_runs_nothing()
    {
        Ask(CallAs(Gss, []));
        Ask(CallAs(Sys, []));
        Assert.That(Counters[Counter.Calls], Is.Zero);
    }

    [TestCase(Sys, 8u)]
    [TestCase(None, 400u)]
    public void A_credential_that_ends_with_the_message_gets_no_reply(uint flavor, uint declared) =>
        Assert.That(Ask([.. Head(flavor, declared), 0, 0, 0, 0]), Is.Null);

    // ECHO of "abc", with a credential.
    private static byte[] CallAs(uint flavor, byte[] body) =>
        [.. Head(flavor, (uint)body.Length), .. body, .. new byte[-body.Length & 3], .. Words(None, 0, 3, 0x61626300)];

    private static byte[] Head(uint flavor, uint length) => Words(Xid, 0, 2, Program, 1, 1, flavor, length);
}
