using Multiplex.Load.Processes;

namespace Multiplex.Tests.Load;

public class ServerProcessTests
{
    [TestCase("/nonexistent/server", "No such file or directory")]
    [TestCase("multiplex-no-such-server", "No such file or directory")]
    [TestCase("/etc/passwd", "Permission denied")]
    public void A_program_that_cannot_be_executed_is_named_with_the_reason(string program, string reason) =>
        Assert.That(() => new ServerProcess(program, []), Throws.TypeOf<IOException>().With.Message.EqualTo($"{program} cannot be executed: {reason}"));
}
