using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Dht.Node;

/// <summary>Answers every get with what the test wants, and takes every put.</summary>
internal sealed class ForgingOverlay : IDhtCommandHandler
{
    private int _asked;

    public byte[]? Answer { get; set; }

    public int Asked => _asked;

    public void AddTo(IServiceCollection services) => services.AddSingleton<IDhtCommandHandler>(this);

    public bool TryHandle(DhtIncomingRequest request, out DhtReply? reply)
    {
        Interlocked.Increment(ref _asked);
        reply = new(Answer is { } answer ? answer : default(ReadOnlyMemory<byte>?));
        return true;
    }
}
