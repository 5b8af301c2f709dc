using System.Buffers.Binary;
using System.Diagnostics;
using Multiplex.Rpc.Generator.Model;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Generator;

/// <summary>
/// rpcgen's own routines and ours give the same bytes, for a .x file that uses every construct of the language: values are
/// decoded and encoded again by both.
/// </summary>
public class RpcgenAgreesTests
{
    private const int Values = 1000;

    [Test]
    public void A_thousand_values_of_each_type_have_the_same_bytes()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Rpc/Generator/everything.x");
        Codecs codecs = Codecs.Of(new(path, File.ReadAllText(path), "Everything"), [], out CompositeType[] types);
        using TemporaryDirectory folder = new();
        string program = Build(path, types, folder);
        Random random = new(20261124);
        (CompositeType Type, byte[] Bytes)[] values =
            [.. types.SelectMany(type => Enumerable.Range(0, Values).Select(_ => (type, RandomXdr.Value(type, random))))];
        byte[][] inC = Recode(program, values.Select(value => (Array.IndexOf(types, value.Type), value.Bytes)));

        Assert.That(types, Has.Length.EqualTo(14));
        for (int i = 0; i < values.Length; i++)
        {
            Assert.That(inC[i], Is.EqualTo(values[i].Bytes), $"{values[i].Type.Name} in C");
            Assert.That(codecs.Recode(values[i].Type, values[i].Bytes), Is.EqualTo(inC[i]), $"{values[i].Type.Name} in C#");
        }
    }

    // A program that reads a type's index, a length and that many bytes, decodes them and writes what they are encoded to.
    private static string Build(string file, CompositeType[] types, TemporaryDirectory folder)
    {
        string rpcgen = Tools.Require("rpcgen"), gcc = Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
        File.Copy(file, folder["everything.x"]);
        File.WriteAllText(folder["recode.c"], $$"""
            #include <stdint.h>
            #include <stdlib.h>
            #include <string.h>
            #include "everything.h"

            static const struct { xdrproc_t proc; size_t size; } types[] = {
                {{string.Join("\n    ", types.Select(type => $"{{ (xdrproc_t)xdr_{type.Name}, sizeof({type.Name}) }},"))}}
            };
            static char bytes[1 << 20], encoded[1 << 20];

            int main(void)
            {
                uint32_t head[2], length;
                while (fread(head, sizeof head, 1, stdin) == 1) {
                    XDR xdr;
                    void *value = calloc(1, types[head[0]].size);
                    if (fread(bytes, 1, head[1], stdin) != head[1])
                        return 1;
                    xdrmem_create(&xdr, bytes, head[1], XDR_DECODE);
                    length = UINT32_MAX;
                    if (types[head[0]].proc(&xdr, value) && xdr_getpos(&xdr) == head[1]) {
                        xdrmem_create(&xdr, encoded, sizeof encoded, XDR_ENCODE);
                        if (types[head[0]].proc(&xdr, value))
                            length = xdr_getpos(&xdr);
                    }
                    if (length == UINT32_MAX)
                        return 2;
                    xdr_free(types[head[0]].proc, value);
                    free(value);
                    fwrite(&length, sizeof length, 1, stdout);
                    fwrite(encoded, 1, length, stdout);
                }
                return 0;
            }
            """);
        Run(rpcgen, folder, "-h", "-o", "everything.h", "everything.x");
        Run(rpcgen, folder, "-c", "-o", "everything_xdr.c", "everything.x");
        Run(gcc, folder, "-w", "-I/usr/include/tirpc", "-o", "recode", "recode.c", "everything_xdr.c", "-ltirpc");
        return folder["recode"];
    }

    private static byte[][] Recode(string program, IEnumerable<(int Type, byte[] Bytes)> values)
    {
        using Process process = Process.Start(new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using MemoryStream input = new();
        int count = 0;
        foreach ((int type, byte[] bytes) in values)
        {
            input.Write(BitConverter.GetBytes(type));
            input.Write(BitConverter.GetBytes(bytes.Length));
            input.Write(bytes);
            count++;
        }

        Task writing = Task.Run(() =>
        {
            input.WriteTo(process.StandardInput.BaseStream);
            process.StandardInput.Close();
        });
        using MemoryStream output = new();
        process.StandardOutput.BaseStream.CopyTo(output);
        Assert.That(process.WaitForExit(Eventually.Deadline) && process.ExitCode == 0, Is.True, "every value was decoded and encoded in C");
        writing.Wait();
        byte[][] encoded = new byte[count][];
        ReadOnlySpan<byte> rest = output.ToArray();
        for (int i = 0; i < count; i++)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            encoded[i] = rest.Slice(sizeof(int), length).ToArray();
            rest = rest[(sizeof(int) + length)..];
        }

        return encoded;
    }

    private static void Run(string program, TemporaryDirectory folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = Path.GetDirectoryName(folder["."])!, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program}: {errors}");
    }
}
