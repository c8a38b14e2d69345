using Xunit.Sdk;
using Xunit.v3;

// Each test here runs several processes against the clock, so one at a time.
[assembly: Parallelization(Mode = ParallelMode.None)]
