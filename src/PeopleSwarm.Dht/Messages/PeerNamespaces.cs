using System.Text;

namespace PeopleSwarm.Dht.Messages;

/// <summary>The prefixes that keep signatures of one purpose from serving another (spec hyperdht, 2).</summary>
internal sealed class PeerNamespaces
{
    public PeerNamespaces(ICryptoSuite crypto)
    {
        Announce = Derive(crypto, PeerCommand.Announce);
        Unannounce = Derive(crypto, PeerCommand.Unannounce);
        MutablePut = Derive(crypto, PeerCommand.MutablePut);
        PeerHandshake = Derive(crypto, PeerCommand.PeerHandshake);
        PeerHolepunch = Derive(crypto, PeerCommand.PeerHolepunch);
        Plugin = Derive(crypto, PeerCommand.Plugin);
    }

    public byte[] Announce { get; }
    public byte[] Unannounce { get; }
    public byte[] MutablePut { get; }
    public byte[] PeerHandshake { get; }
    public byte[] PeerHolepunch { get; }
    public byte[] Plugin { get; }

    /// <summary>ns(name, n) = hash(hash(name) || n).</summary>
    private static byte[] Derive(ICryptoSuite crypto, int number)
    {
        Span<byte> named = stackalloc byte[33];
        crypto.Hash(Encoding.ASCII.GetBytes("hyperswarm/dht"), named[..32]);
        named[32] = (byte)number;
        var result = new byte[32];
        crypto.Hash(named, result);
        return result;
    }
}
