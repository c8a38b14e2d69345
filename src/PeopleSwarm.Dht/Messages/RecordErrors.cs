namespace PeopleSwarm.Dht.Messages;

/// <summary>Why a storing node refuses a mutable value (spec hyperdht, 1.2).</summary>
internal static class RecordErrors
{
    public const int SeqReused = 16, SeqTooLow = 17;
}
