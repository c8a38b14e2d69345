using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

/// <summary>Asks the application's firewall on a pool thread, so that it never holds the loop up. What it throws refuses.</summary>
internal sealed class FirewallGate(PeerFirewall firewall, Action<Action<Timestamp>> post, ILogger logger) : IPeerGate
{
    public void Ask(PublicKey remote, PeerHandshakePayload payload, Action<Timestamp, bool> answer) => _ = AskAsync(remote, payload, answer);

    private async Task AskAsync(PublicKey remote, PeerHandshakePayload payload, Action<Timestamp, bool> answer)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        bool isRefused = true;
        try
        {
            isRefused = await firewall(remote, payload).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            PeerLog.FirewallFailed(logger, error, remote);
        }
        post(now => answer(now, isRefused));
    }
}
