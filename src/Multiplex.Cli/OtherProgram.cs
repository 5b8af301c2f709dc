using System.Collections;
using Multiplex.Interop;

namespace Multiplex.Cli;

/// <summary>A program of this project that the command executes in its own place.</summary>
internal static class OtherProgram
{
    /// <summary>Its path in the first of these folders, or of those on PATH, that has it; null if none has.</summary>
    public static string? Find(string name, params string[] folders) =>
        folders.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Executes it under the same process id: execve(2). Does not return.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="arguments">Its arguments, without its name.</param>
    /// <exception cref="SyscallException">That failed.</exception>
    public static void Become(string path, params string[] arguments) => Libc.execve(path, [path, .. arguments], Variables()).OrThrow("execve", path);

    /// <summary>The environment of this process, as NAME=VALUE.</summary>
    public static string[] Variables() => [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => $"{entry.Key}={entry.Value}")];
}
