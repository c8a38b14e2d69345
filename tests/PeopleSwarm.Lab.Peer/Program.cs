using System.Text.Json;
using PeopleSwarm.Lab;

// A peer of the lab: takes commands and tells events, a JSON object a line, as tests/npm/lab/peer.js does.
await using var endpoint = new LabEndpoint();
while (await Console.In.ReadLineAsync() is { } line)
    if (line.Length > 0) endpoint.Take(JsonElement.Parse(line));
