using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Multiplex.Interop;

namespace Multiplex.Tests.Interop;

/// <summary>The C compiler, which has the headers, confirms what native-interop says they contain.</summary>
public class CompilerAgreesTests
{
    [Test]
    public void The_compiler_confirms_every_constant_and_every_layout()
    {
        Assert.That(Compile(HeaderCheck.OfTheLayer()), Is.Empty);
    }

    [Test]
    public void The_check_covers_the_layer()
    {
        Assert.That(HeaderCheck.Constants, Has.Count.GreaterThan(100));
        Assert.That(HeaderCheck.Structs, Has.Count.GreaterThan(15));
        Assert.That(HeaderCheck.OfTheLayer(), Does.Contain("#include <sys/socket.h>").And.Contain("(SOCK_STREAM) == 1"));
    }

    [Test]
    public void Files_that_share_a_header_include_it_once() => Assert.That(
        HeaderCheck.Headers, Is.Unique.And.SupersetOf(new[] { "errno.h", "sys/socket.h", "sys/uio.h" })
            .And.All.EndsWith(".h"));

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(4)]
    [TestCase(12)]
    [TestCase(1012)]
    public void The_compiler_confirms_the_room_of_control_messages(int length)
    {
        Assert.That(Compile(HeaderCheck.OfConstant($"CMSG_SPACE({length})", (long)Libc.CMSG_SPACE((nuint)length))), Is.Empty);
        Assert.That(Compile(HeaderCheck.OfConstant($"CMSG_LEN({length})", (long)Libc.CMSG_LEN((nuint)length))), Is.Empty);
    }

    [Test]
    public void A_constant_with_the_wrong_value_is_rejected_by_name()
    {
        Assert.That(Compile(HeaderCheck.OfConstant(nameof(Libc.EPIPE), Libc.EPIPE)), Is.Empty);
        Assert.That(Compile(HeaderCheck.OfConstant(nameof(Libc.EPIPE), Libc.EPIPE + 1)), Does.Contain("(EPIPE) is not 33"));
    }

    [Test]
    public void A_constant_that_C_does_not_have_is_rejected()
    {
        Assert.That(Compile(HeaderCheck.OfConstant("EMULTIPLEX", 1)), Does.Contain("EMULTIPLEX"));
    }

    [Test]
    public void A_struct_of_the_wrong_size_is_rejected()
    {
        Assert.That(Compile(HeaderCheck.OfSize(typeof(Libc.pollfd), 8)), Is.Empty);
        Assert.That(Compile(HeaderCheck.OfSize(typeof(Libc.pollfd), 12)), Does.Contain("sizeof(struct pollfd) is not 12"));
    }

    [Test]
    public void An_array_that_C_has_no_name_for_is_checked_as_the_field_that_it_is()
    {
        IEnumerable<Type> fields = HeaderCheck.Structs.SelectMany(HeaderCheck.FieldsOf).Select(field => field.FieldType);
        Assert.That(HeaderCheck.Structs.Where(HeaderCheck.IsArrayOfField), Is.SubsetOf(fields));
    }

    [Test]
    public void Every_import_is_in_the_C_library()
    {
        MethodInfo[] imports = typeof(Raw).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly);
        Assert.That(imports, Has.Length.GreaterThan(40));
        Assert.Multiple(() =>
        {
            foreach (MethodInfo import in imports)
                Assert.That(() => Marshal.Prelink(import), Throws.Nothing, import.Name);
        });
    }

    /// <summary>Has a C program compiled.</summary>
    /// <returns>What the compiler says against it; empty when it accepts it.</returns>
    private static string Compile(string program)
    {
        using Process compiler = Process.Start(new ProcessStartInfo(Tools.Require("gcc", "cc"))
        {
            ArgumentList = { "-std=gnu11", "-fsyntax-only", "-x", "c", "-" },
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        Task<string> said = compiler.StandardError.ReadToEndAsync();
        compiler.StandardInput.Write(program);
        compiler.StandardInput.Close();
        Assert.That(compiler.WaitForExit(Eventually.Deadline), Is.True, "the compiler hangs");
        string complaint = said.Result;
        Assert.That(complaint.Length == 0, Is.EqualTo(compiler.ExitCode == 0), complaint);
        return complaint;
    }
}
