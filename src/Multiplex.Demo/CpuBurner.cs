using static Multiplex.Interop.Libc;

namespace Multiplex.Demo;

/// <summary>Spends CPU time of the calling thread.</summary>
internal static class CpuBurner
{
    private const int IterationsAtOnce = 256;

    /// <summary>Computes until the thread has used so many microseconds of CPU, by its own clock.</summary>
    /// <returns>How many iterations that took.</returns>
    public static ulong Spend(uint microseconds)
    {
        long end = clock_gettime(CLOCK_THREAD_CPUTIME_ID) + (microseconds * 1000L);
        ulong iterations = 0;
        uint state = 2_463_534_242;
        do
        {
            for (int i = 0; i < IterationsAtOnce; i++)
            {
                // xorshift32: short, and each step needs the one before.
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
            }

            iterations += IterationsAtOnce;
        }
        while (clock_gettime(CLOCK_THREAD_CPUTIME_ID) < end);
        return state != 0 ? iterations : 0;   // it never is 0; asking keeps the work from being optimised away
    }
}
