using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Every argument is blittable, so that a call is direct, without a marshalling stub.
[assembly: DisableRuntimeMarshalling]

// libc is already loaded into the process; the loader does not search for it beside the assembly.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
