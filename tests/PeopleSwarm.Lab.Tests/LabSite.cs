using PeopleSwarm.Cli;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Lab;

/// <summary>A computer of the lab, and the NATs in front of it.</summary>
internal sealed class LabSite(NetworkLab lab, string host, string address, bool isSymmetric)
{
    /// <summary>The address the internet sees.</summary>
    public string Address => address;

    /// <summary>The namespace of the NAT next to the internet; null for none.</summary>
    public string? OutermostNat { get; set; }

    public LabPeer StartPeer() => new(lab.StartPeer(host), IsNpm: false, isSymmetric);

    public LabPeer StartNpmPeer() => new(lab.StartNpmPeer(host), IsNpm: true, isSymmetric);

    /// <summary>The tool on this computer; the caller disposes it.</summary>
    public CliProcess StartTool(params string[] arguments) => CliProcess.StartBy(["ip", "netns", "exec", host], [.. arguments, "--bootstrap", NetworkLab.Bootstrap]);

    /// <summary>The NAT forgets its mappings, and the next ones get other ports.</summary>
    public void MoveMappings()
    {
        Shell.Run(NatRules.Symmetric.ToRuleset("192.168.10.2"), "ip", "netns", "exec", OutermostNat!, "nft", "-f", "-");
        NetworkLab.Ip(OutermostNat!, $"addr del {address}/16 dev wan", $"addr add {address}/16 dev wan"); // masquerading forgets with the address
    }
}

/// <summary>A program on a computer of the lab.</summary>
/// <param name="Process">Takes commands and tells events.</param>
/// <param name="IsNpm">Whether it is npm's.</param>
/// <param name="IsSymmetric">Whether a NAT in front of it gives each destination another port.</param>
internal sealed record LabPeer(NodePeer Process, bool IsNpm, bool IsSymmetric);
