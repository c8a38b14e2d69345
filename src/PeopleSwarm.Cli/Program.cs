return await PeopleSwarm.Cli.CommandLine.RunAsync(args);
