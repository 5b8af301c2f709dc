namespace Multiplex.Tests.Support;

public class ToolsTests
{
    [TearDown]
    public void Put_CI_back() => Environment.SetEnvironmentVariable("CI", _ci);

    private readonly string? _ci = Environment.GetEnvironmentVariable("CI");

    [Test]
    public void A_tool_that_is_there_is_found() => Assert.That(Tools.Require("no-such-tool", "sh"), Does.EndWith("/sh"));

    [Test]
    public void Without_a_tool_a_test_is_skipped_by_name()
    {
        Environment.SetEnvironmentVariable("CI", null);
        Assert.That(
            () => Tools.Require("no-such-tool"),
            Throws.TypeOf<IgnoreException>().With.Message.EqualTo("no-such-tool is not on this machine's PATH"));
    }

    [Test]
    public void Without_a_tool_a_test_fails_under_CI()
    {
        Environment.SetEnvironmentVariable("CI", "true");
        Assert.That(
            () => Tools.Require("no-such-tool"),
            Throws.TypeOf<AssertionException>().With.Message.Contains("no-such-tool is not on"));
    }
}
