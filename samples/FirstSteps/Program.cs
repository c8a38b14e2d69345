using PeopleSwarm;

await using var swarm = PeerSwarm.Create();
swarm.Join(Topic.FromText("tea time"));

await foreach (var peer in swarm.AcceptAllAsync())
{
    Console.WriteLine($"met {peer.RemotePublicKey}");
    await peer.Output.WriteAsync("hello from C#\n"u8.ToArray());
}
