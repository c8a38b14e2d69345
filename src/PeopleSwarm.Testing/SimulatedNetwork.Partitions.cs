namespace PeopleSwarm.Testing;

public sealed partial class SimulatedNetwork
{
    private readonly Dictionary<SimulatedHost, int> _sides = [];

    /// <summary>Cuts the network: hosts of different groups, and hosts of none, do not reach each other. Replaces an earlier cut.</summary>
    public void Partition(params ReadOnlySpan<IEnumerable<SimulatedHost>> groups)
    {
        _sides.Clear();
        for (int i = 0; i < groups.Length; i++)
            foreach (var host in groups[i]) _sides[host] = i + 1;
    }

    /// <summary>Ends the cut.</summary>
    public void Heal() => _sides.Clear();

    internal bool IsCut(SimulatedHost one, SimulatedHost other) => _sides.GetValueOrDefault(one) != _sides.GetValueOrDefault(other);
}
