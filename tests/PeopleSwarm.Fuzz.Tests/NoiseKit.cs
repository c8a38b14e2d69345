using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>The real crypto with seeded chance.</summary>
internal static class NoiseKit
{
    private static readonly ServiceProvider s_services =
        new ServiceCollection().AddSingleton<IRandomSource>(new SeededRandom(1)).AddNoise().BuildServiceProvider();

    public static ICryptoSuite Crypto { get; } = s_services.GetRequiredService<ICryptoSuite>();
    public static IHandshakeFactory Handshakes { get; } = s_services.GetRequiredService<IHandshakeFactory>();
    public static ISecretChannelFactory Channels { get; } = s_services.GetRequiredService<ISecretChannelFactory>();

    public static KeyPair Key(byte seed) => Crypto.CreateKeyPair([.. Enumerable.Repeat(seed, 32)]);

    /// <summary>Both results of one finished handshake.</summary>
    public static (HandshakeResult Initiator, HandshakeResult Responder) ShakeHands()
    {
        using var a = Key(1);
        using var b = Key(2);
        using var initiator = Handshakes.Create(HandshakePattern.XX, HandshakeRole.Initiator, a);
        using var responder = Handshakes.Create(HandshakePattern.XX, HandshakeRole.Responder, b);
        Pass(initiator, responder);
        Pass(responder, initiator);
        Pass(initiator, responder);
        return (initiator.GetResult(), responder.GetResult());
    }

    public static byte[] Write(IHandshake from)
    {
        byte[] message = new byte[from.NextMessageOverhead];
        return message[..from.WriteMessage([], message)];
    }

    private static void Pass(IHandshake from, IHandshake to) => Assert.True(to.TryReadMessage(Write(from), new byte[200], out _));
}
