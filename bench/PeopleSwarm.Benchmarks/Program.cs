using System.Globalization;
using BenchmarkDotNet.Running;
using PeopleSwarm.Dht.Large;

if (args is ["simulate", ..])
{
    int nodes = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10_000;
    var scenario = new LargeScenario(nodes, seed: 1) { Progress = Console.Out };
    scenario.Run();
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
