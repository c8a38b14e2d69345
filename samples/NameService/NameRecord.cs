using System.Globalization;
using System.Text;
using PeopleSwarm;

namespace NameService;

/// <summary>Who owns a name and what it stands for: owner (32 bytes), signature (64), and the signed text, a line each.</summary>
public sealed record NameRecord(PublicKey Owner, long Version, string Name, string Value, byte[] Bytes)
{
    public static NodeId Target(ICryptoSuite crypto, string name)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        crypto.Hash(Encoding.UTF8.GetBytes(name), hash);
        return new(hash);
    }

    public static NameRecord Sign(ICryptoSuite crypto, KeyPair owner, long version, string name, string value)
    {
        var (text, signature) = (Encoding.UTF8.GetBytes($"names\n{version}\n{name}\n{value}"), new byte[64]);
        crypto.Sign(owner, text, signature);
        return new(owner.PublicKey, version, name, value, [.. owner.PublicKey.ToArray(), .. signature, .. text]);
    }

    public static NameRecord? TryRead(ICryptoSuite crypto, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is < 96 or > 1000 || !crypto.Verify(new(bytes[..32]), bytes[96..], bytes[32..96])) return null;
        if (Encoding.UTF8.GetString(bytes[96..]).Split('\n', 4) is not ["names", var version, var name, var value]) return null;
        return long.TryParse(version, CultureInfo.InvariantCulture, out long number) ? new(new(bytes[..32]), number, name, value, bytes.ToArray()) : null;
    }
}
