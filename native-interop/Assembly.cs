using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Every argument is blittable, so that a call is a direct call: no marshalling stub stands between.
[assembly: DisableRuntimeMarshalling]

// libc is the one that the process has loaded already; nothing is searched for beside the assembly.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
