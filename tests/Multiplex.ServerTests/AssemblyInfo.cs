using NUnit.Framework;

// Most tests wait for a process to start, to sleep or to end: this many at a time keep two cores busy.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(8)]
