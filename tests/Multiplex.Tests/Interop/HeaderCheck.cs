using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Text;
using Multiplex.Interop;

namespace Multiplex.Tests.Interop;

/// <summary>
/// A C program in which the compiler of a processor confirms what native-interop declares: each constant, the size of each struct, the
/// offset and size of each of its fields. It is generated from native-interop itself, so that nothing is left out.
/// </summary>
internal sealed class HeaderCheck
{
    private const string OpenSslHeaders = "openssl/";

    private readonly StringBuilder _program = new("#define _GNU_SOURCE\n#include <stddef.h>\n");

    private HeaderCheck(IEnumerable<string>? headers = null)
    {
        foreach (string header in headers ?? Headers.Where(header => !header.StartsWith(OpenSslHeaders, StringComparison.Ordinal)))
            _program.Append($"#include <{header}>\n");
    }

    /// <summary>The headers that the layer's files are named after: NAME.h.cs, or NAME.h.TOPIC.cs where one takes several.</summary>
    public static IReadOnlyList<string> Headers { get; } =
        [.. typeof(HeaderCheck).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Where(file => file.Key.Contains("native-interop/", StringComparison.Ordinal))
            .Select(file => file.Value![..(file.Value!.IndexOf(".h", StringComparison.Ordinal) + 2)])
            .Distinct()
            .Order(StringComparer.Ordinal)];

    /// <summary>The public constants of the layer on a processor.</summary>
    public static FieldInfo[] Constants(Processor processor) => [.. ConstantsIn(typeof(Libc)), .. ConstantsIn(processor.Values)];

    /// <summary>The public constants of a class.</summary>
    public static FieldInfo[] ConstantsIn(Type type) =>
        [.. type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral)];

    /// <summary>The public structs of the layer on a processor.</summary>
    public static Type[] Structs(Processor processor) => [.. StructsIn(typeof(Libc)), .. StructsIn(processor.Values)];

    /// <summary>The public structs of a class.</summary>
    public static Type[] StructsIn(Type type) => [.. type.GetNestedTypes().Where(nested => nested.IsValueType)];

    /// <summary>Whether C has no name for it: the array type of a field, whose size is checked with the field.</summary>
    public static bool IsArrayOfField(Type type) =>
        type.IsDefined(typeof(InlineArrayAttribute)) && type.Name.EndsWith("_buffer", StringComparison.Ordinal);

    /// <summary>The fields whose offset is checked.</summary>
    public static IEnumerable<FieldInfo> FieldsOf(Type type) => type.GetFields(BindingFlags.Public | BindingFlags.Instance);

    /// <summary>The program by which the compiler for a processor checks the whole layer.</summary>
    public static string OfTheLayer(Processor processor)
    {
        HeaderCheck check = new();
        foreach (FieldInfo constant in Constants(processor))
            check.Confirm(constant.Name, Convert.ToInt64(constant.GetRawConstantValue()));
        foreach (Type type in Structs(processor).Where(type => !IsArrayOfField(type)))
        {
            string name = NameInC(type);
            check.Confirm(SizeInC(type), SizeOf(type), IsRoom(type) ? "<=" : "==");
            foreach (FieldInfo field in FieldsOf(type))
            {
                check.Confirm($"offsetof({name}, {field.Name})", OffsetOf(type, field));
                check.Confirm($"sizeof((({name} *)0)->{field.Name})", SizeOf(field.FieldType));
            }
        }

        return check._program.ToString();
    }

    /// <summary>The program that checks the constants of OpenSSL, which are the same on all processors.</summary>
    public static string OfOpenSsl()
    {
        HeaderCheck check = new(Headers.Where(header => header.StartsWith(OpenSslHeaders, StringComparison.Ordinal)));
        foreach (FieldInfo constant in ConstantsIn(typeof(OpenSsl)))
            check.Confirm(constant.Name, unchecked((long)Convert.ToUInt64(constant.GetRawConstantValue())));
        return check._program.ToString();
    }

    /// <summary>A program that checks one constant.</summary>
    public static string OfConstant(string name, long value) => OfConstants([(name, value)]);

    /// <summary>A program that checks some constants.</summary>
    public static string OfConstants(IEnumerable<(string Name, long Value)> constants)
    {
        HeaderCheck check = new();
        foreach ((string name, long value) in constants)
            check.Confirm(name, value);
        return check._program.ToString();
    }

    /// <summary>A program that checks the size of one struct.</summary>
    public static string OfSize(Type type, int size)
    {
        HeaderCheck check = new();
        check.Confirm(SizeInC(type), size);
        return check._program.ToString();
    }

    // A cast, because some are unsigned, and SIG_IGN is a pointer.
    private void Confirm(string expression, long value, string comparison = "==") => _program.Append(
        $"_Static_assert((long long)({expression}) {comparison} {value}LL, \"{expression} is not {(comparison == "==" ? "" : comparison + " ")}{value}\");\n");

    // pthread.h gives these a size and no fields; the layer's structs have room for those of either processor.
    private static bool IsRoom(Type type) => type == typeof(Libc.pthread_mutex_t) || type == typeof(Libc.pthread_mutexattr_t);

    // A struct of C# has the name of its struct in C, but for these: C has sigset_t, fd_set and the types of pthread.h as
    // typedefs, and C# cannot have a method and a type that are both called sigaction, or statx.
    private static string NameInC(Type type) => type.Name switch
    {
        nameof(Libc.sigset_t) => "sigset_t",
        nameof(Libc.pthread_mutex_t) => "pthread_mutex_t",
        nameof(Libc.pthread_mutexattr_t) => "pthread_mutexattr_t",
        nameof(Libc.fd_set) => "fd_set",
        nameof(Libc.Elf64_Phdr) => "Elf64_Phdr",
        nameof(Libc.sigaction_t) => "struct sigaction",
        nameof(Libc.statx_t) => "struct statx",
        string name => $"struct {name}",
    };

    // A struct that grows from kernel to kernel has a name for the size that it had in each version.
    private static string SizeInC(Type type) => type == typeof(Libc.perf_event_attr) ? nameof(Libc.PERF_ATTR_SIZE_VER3) : $"sizeof({NameInC(type)})";

    // The layout that the runtime gives them, which the kernel sees through a pointer. It is the same on both processors:
    // a field of a power of two of bytes lies at a multiple of that, or of Pack where that is less.
    private static int SizeOf(Type type) => Evaluate(code => code.Emit(OpCodes.Sizeof, type));

    private static int OffsetOf(Type type, FieldInfo field) => Evaluate(code =>
    {
        code.DeclareLocal(type);
        code.Emit(OpCodes.Ldloca_S, (byte)0);
        code.Emit(OpCodes.Ldflda, field);
        code.Emit(OpCodes.Ldloca_S, (byte)0);
        code.Emit(OpCodes.Sub);
        code.Emit(OpCodes.Conv_I4);
    });

    private static int Evaluate(Action<ILGenerator> write)
    {
        DynamicMethod method = new("evaluate", typeof(int), null, typeof(Libc).Module, skipVisibility: true);
        write(method.GetILGenerator());
        method.GetILGenerator().Emit(OpCodes.Ret);
        return ((Func<int>)method.CreateDelegate(typeof(Func<int>)))();
    }
}
