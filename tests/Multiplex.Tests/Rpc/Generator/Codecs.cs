using System.Reflection;
using System.Text;
using Multiplex.Rpc.Generator;
using Multiplex.Rpc.Generator.Model;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>The classes that are generated for the structs and unions of .x files, behind one method: it decodes bytes, and encodes them again.</summary>
internal sealed class Codecs
{
    private readonly Func<string, byte[], byte[]?> _recode;

    private Codecs(Assembly assembly) =>
        _recode = assembly.GetType("Codec")!.GetMethod("Recode")!.CreateDelegate<Func<string, byte[], byte[]?>>();

    /// <summary>Compiles a .x file, with those that it includes.</summary>
    /// <param name="file">The file.</param>
    /// <param name="others">Those beside it.</param>
    /// <param name="types">The structs and unions that it defines.</param>
    public static Codecs Of(XFile file, XFile[] others, out CompositeType[] types)
    {
        ProblemList problems = [];
        Specification specification = file.Load(name => others.FirstOrDefault(one => Path.GetFileName(one.Path) == name), problems)!;
        Assert.That(problems.Where(problem => problem.IsError), Is.Empty);
        types = [.. specification.Types.OfType<CompositeType>()];
        return new(StubCompiler.Compile([file, .. others], Door(types)).Load());
    }

    /// <summary>Compiles C# with classes of the same names, in a namespace.</summary>
    public static Codecs Of(string source, string space, CompositeType[] types)
    {
        foreach (CompositeType type in types)
            type.Namespace = space;
        return new(StubCompiler.Compile([], source, Door(types)).Load());
    }

    /// <summary>Reads a value from all of the bytes, and writes it.</summary>
    /// <returns>Null if the reader rejects the bytes.</returns>
    public byte[]? Recode(CompositeType type, byte[] bytes) => _recode(type.CSharpName, bytes);

    private static string Door(IEnumerable<CompositeType> types)
    {
        StringBuilder code = new("""
            using System;
            using Multiplex;
            using Multiplex.Rpc.Xdr;

            public static class Codec
            {
                public static byte[]? Recode(string type, byte[] bytes)
                {
                    XdrReader reader = new(bytes);
                    OutputBuffer output = new();
                    XdrWriter writer = new(output);
                    switch (type)
                    {
            """);
        foreach (CompositeType type in types)
        {
            string name = $"global::{type.Namespace}.{type.CSharpName}";
            code.Append($"case \"{type.CSharpName}\": {{ {name} value = {name}.Read(ref reader); if (reader.IsComplete) value.Write(writer); break; }}\n");
        }

        code.Append("default: throw new ArgumentException(type); } return reader.IsComplete ? output.Written.ToArray() : null; } }");
        return code.ToString();
    }
}
