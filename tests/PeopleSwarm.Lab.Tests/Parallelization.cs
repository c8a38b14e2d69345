using Xunit.Sdk;
using Xunit.v3;

// One lab at a time: namespaces bear the process's name, and times are measured.
[assembly: Parallelization(Mode = ParallelMode.None)]
