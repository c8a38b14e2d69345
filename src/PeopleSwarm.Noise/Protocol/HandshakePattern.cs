namespace PeopleSwarm.Noise.Protocol;

/// <summary>What a handshake message carries or mixes in, in order.</summary>
internal enum Token
{
    /// <summary>Our ephemeral key.</summary>
    E,

    /// <summary>Our static key, encrypted once there is a key.</summary>
    S,

    /// <summary>Both ephemeral keys.</summary>
    EE,

    /// <summary>The initiator's ephemeral and the responder's static key.</summary>
    ES,

    /// <summary>The initiator's static and the responder's ephemeral key.</summary>
    SE,

    /// <summary>Both static keys.</summary>
    SS,
}

/// <summary>A pattern as token lists; messages alternate and the initiator writes the first.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 7.5.</remarks>
internal sealed record PatternTokens(bool ResponderKeyKnown, Token[][] Messages)
{
    private static readonly PatternTokens s_nn = new(false, [[Token.E], [Token.E, Token.EE]]);

    private static readonly PatternTokens s_xx =
        new(false, [[Token.E], [Token.E, Token.EE, Token.S, Token.ES], [Token.S, Token.SE]]);

    private static readonly PatternTokens s_xk = new(true, [[Token.E, Token.ES], [Token.E, Token.EE], [Token.S, Token.SE]]);

    private static readonly PatternTokens s_ik =
        new(true, [[Token.E, Token.ES, Token.S, Token.SS], [Token.E, Token.EE, Token.SE]]);

    /// <exception cref="ArgumentOutOfRangeException">The pattern is none of them.</exception>
    public static PatternTokens Of(HandshakePattern pattern) => pattern switch
    {
        HandshakePattern.NN => s_nn,
        HandshakePattern.XX => s_xx,
        HandshakePattern.XK => s_xk,
        HandshakePattern.IK => s_ik,
        _ => throw new ArgumentOutOfRangeException(nameof(pattern), pattern, "Not a known handshake pattern."),
    };
}
