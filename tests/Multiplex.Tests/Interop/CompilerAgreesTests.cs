using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using Multiplex.Load.Measuring;

namespace Multiplex.Tests.Interop;

/// <summary>The C compiler for each processor confirms against its headers what native-interop declares.</summary>
public class CompilerAgreesTests
{
    [TestCaseSource(typeof(Processor), nameof(Processor.All))]
    public void The_compiler_confirms_every_constant_and_every_layout(Processor processor)
    {
        Assert.That(Compile(HeaderCheck.OfTheLayer(processor), processor), Is.Empty);
    }

    [Test]
    public void The_compiler_of_one_processor_rejects_the_layouts_of_the_other()
    {
        string complaint = Compile(HeaderCheck.OfTheLayer(Processor.X64), Processor.Arm64);
        Assert.That(complaint, Does.Contain("sizeof(struct epoll_event) is not 12").And.Contain("O_NOFOLLOW is not 131072"));
    }

    [Test]
    public void The_check_covers_the_layer()
    {
        Assert.That(HeaderCheck.Constants(Processor.Arm64), Has.Length.GreaterThan(100));
        Assert.That(HeaderCheck.Structs(Processor.Arm64), Has.Length.GreaterThan(15));
        Assert.That(HeaderCheck.OfTheLayer(Processor.Arm64), Does.Contain("#include <sys/socket.h>")
            .And.Contain("(SOCK_STREAM) == 1").And.Contain("(SYS_perf_event_open) == 241").And.Contain("(sizeof(struct epoll_event)) == 16"));
    }

    [Test]
    public void What_differs_between_processors_has_a_value_for_each()
    {
        Assert.That(Names(Processor.X64), Is.Not.Empty.And.EquivalentTo(Names(Processor.Arm64)));

        static IEnumerable<string> Names(Processor processor) =>
            [.. HeaderCheck.ConstantsIn(processor.Values).Select(constant => constant.Name), .. HeaderCheck.StructsIn(processor.Values).Select(type => type.Name)];
    }

    [Test]
    public void What_differs_between_processors_is_that_of_this_one()
    {
        Assert.Multiple(() =>
        {
            foreach (FieldInfo constant in HeaderCheck.ConstantsIn(Processor.This.Values))
                Assert.That(typeof(Libc).GetProperty(constant.Name)?.GetValue(null), Is.EqualTo(constant.GetRawConstantValue()), constant.Name);
        });
    }

    [Test]
    public void Files_that_share_a_header_include_it_once() => Assert.That(
        HeaderCheck.Headers, Is.Unique.And.SupersetOf(new[] { "errno.h", "sys/socket.h", "sys/uio.h" })
            .And.All.EndsWith(".h"));

    [Test]
    public void The_compiler_confirms_the_room_of_control_messages(
        [ValueSource(typeof(Processor), nameof(Processor.All))] Processor processor, [Values(0, 1, 4, 12, 1012)] int length)
    {
        Assert.That(Compile(HeaderCheck.OfConstant($"CMSG_SPACE({length})", (long)Libc.CMSG_SPACE((nuint)length)), processor), Is.Empty);
        Assert.That(Compile(HeaderCheck.OfConstant($"CMSG_LEN({length})", (long)Libc.CMSG_LEN((nuint)length)), processor), Is.Empty);
    }

    [TestCaseSource(typeof(Processor), nameof(Processor.All))]
    public void The_compiler_confirms_the_numbers_of_the_system_calls_that_watch_names(Processor processor)
    {
        (string Name, long Number)[] calls =
            [.. ThreadActivity.Calls.Select(call => ($"SYS_{call.Name}", processor == Processor.X64 ? (long)call.X64 : call.Arm64))];
        Assert.That(Compile(HeaderCheck.OfConstants(calls.Where(call => call.Number >= 0)), processor), Is.Empty);

        (string Name, long Number)[] lacking = [.. calls.Where(call => call.Number < 0)];
        string complaint = Compile(HeaderCheck.OfConstants(lacking), processor);
        Assert.That(lacking.Select(call => call.Name).Where(name => !complaint.Contains($"{name}’ undeclared", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void A_constant_with_the_wrong_value_is_rejected_by_name()
    {
        Assert.That(Compile(HeaderCheck.OfConstant(nameof(Libc.EPIPE), Libc.EPIPE)), Is.Empty);
        Assert.That(Compile(HeaderCheck.OfConstant(nameof(Libc.EPIPE), Libc.EPIPE + 1)), Does.Contain("EPIPE is not 33"));
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
        Type[] structs = HeaderCheck.Structs(Processor.This);
        IEnumerable<Type> fields = structs.SelectMany(HeaderCheck.FieldsOf).Select(field => field.FieldType);
        Assert.That(structs.Where(HeaderCheck.IsArrayOfField), Is.SubsetOf(fields));
    }

    [Test]
    public void The_compiler_confirms_every_constant_of_OpenSSL()
    {
        if (!File.Exists("/usr/include/openssl/ssl.h"))
            Tools.Missing("libssl-dev is not installed");
        Assert.That(HeaderCheck.OfOpenSsl(), Does.Contain("#include <openssl/ssl.h>").And.Contain("(TLS1_3_VERSION) == 772"));
        Assert.That(Compile(HeaderCheck.OfOpenSsl()), Is.Empty);
    }

    [Test]
    public void Every_import_is_in_OpenSSL()
    {
        MethodInfo[] imports = [.. typeof(OpenSsl).GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(method => method.IsDefined(typeof(DllImportAttribute)))];
        Assert.That(imports, Has.Length.GreaterThan(40));
        Assert.Multiple(() =>
        {
            foreach (MethodInfo import in imports)
                Assert.That(() => Marshal.Prelink(import), Throws.Nothing, import.Name);
        });
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

    /// <summary>Compiles a C program.</summary>
    /// <returns>The compiler's errors; empty if it accepts the program.</returns>
    private static string Compile(string program, Processor? processor = null)
    {
        using Process compiler = Process.Start(new ProcessStartInfo(Tools.Require((processor ?? Processor.This).Compilers))
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
