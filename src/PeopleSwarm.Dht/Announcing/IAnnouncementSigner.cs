namespace PeopleSwarm.Dht.Announcing;

/// <summary>Signs where the secret key is not at hand. On the loop.</summary>
internal interface IAnnouncementSigner
{
    /// <summary>Asks for a signature; <paramref name="done"/> is called once, later, with 64 bytes or with null if there is none.</summary>
    void Sign(SignatureRequest request, Action<Timestamp, byte[]?> done);
}
