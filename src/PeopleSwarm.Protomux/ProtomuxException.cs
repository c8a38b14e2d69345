namespace PeopleSwarm;

/// <summary>The peer broke the rules of the multiplexer, and the connection with them.</summary>
public sealed class ProtomuxException : IOException
{
    internal ProtomuxException(string message) : base(message)
    {
    }
}
