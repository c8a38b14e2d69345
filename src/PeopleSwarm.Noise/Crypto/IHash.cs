namespace PeopleSwarm.Noise.Crypto;

/// <summary>The hash of a handshake, which keeps what it computes with. One caller at a time.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 4.3.</remarks>
internal interface IHash
{
    /// <summary>Its part of the protocol name.</summary>
    string Name { get; }

    /// <summary>Bytes of a hash.</summary>
    int Size { get; }

    /// <summary>The same for another caller.</summary>
    IHash CreateAnother();

    /// <summary>Hash of <paramref name="first"/> followed by <paramref name="second"/>; may overwrite either.</summary>
    void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash);

    /// <summary>HKDF with two outputs of a hash each (Noise, section 4.3); may overwrite <paramref name="chainingKey"/>.</summary>
    void Hkdf(ReadOnlySpan<byte> chainingKey, ReadOnlySpan<byte> inputKey, Span<byte> first, Span<byte> second);
}
