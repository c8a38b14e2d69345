using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

/// <summary>Asks the application's firewall on a pool thread, so that it never holds the loop up. What it throws refuses.</summary>
/// <param name="firewall">The application's.</param>
/// <param name="maxAsked">Peers that it may be deciding on at once, also after their handshakes were forgotten; more are refused unasked.</param>
/// <param name="post">Runs something on the loop.</param>
/// <param name="logger">Told of what the firewall throws.</param>
internal sealed class FirewallGate(PeerFirewall firewall, int maxAsked, Action<Action<Timestamp>> post, ILogger logger) : IPeerGate
{
    private int _asked;

    public void Ask(PublicKey remote, PeerHandshakePayload payload, Action<Timestamp, bool> answer)
    {
        if (Interlocked.Increment(ref _asked) <= maxAsked)
        {
            _ = AskAsync(remote, payload, answer);
            return;
        }
        Interlocked.Decrement(ref _asked);
        PeerLog.FirewallBusy(logger, remote, maxAsked);
        post(now => answer(now, true));
    }

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
        Interlocked.Decrement(ref _asked);
        post(now => answer(now, isRefused));
    }
}
