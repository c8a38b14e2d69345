using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Cli;

/// <summary>A failure as the user reads it: what happened, and what to try next.</summary>
internal sealed record Trouble(string Message, string? NextStep = null)
{
    /// <summary>The words for a failure a user can meet; null for a defect of ours, which keeps its stack trace.</summary>
    public static Trouble? From(Exception error) => error switch
    {
        TroubleException e => e.Trouble,
        PeerConnectException e => new(e.Message, NextStepAfter(e.Error)),
        DhtException { Error: DhtError.SeqTooLow or DhtError.SeqReused } e => new(e.Message, "Give a higher --seq, or none to take the next."),
        DhtException e => new(e.Message, "Check --bootstrap and that UDP is not blocked."),
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => new("The UDP port is in use.", "Name another with --port; 0 takes any."),
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => new("The address is not one of this machine.", "Name a local one with --host."),
        SocketException { SocketErrorCode: SocketError.AccessDenied } => new("The system does not let us bind that UDP port.", "Name one above 1023 with --port."),
        OptionsValidationException e => new(string.Join(' ', e.Failures)),
        OperationCanceledException => new("Interrupted."),
        UnauthorizedAccessException { InnerException: IOException closed } => new($"Standard output cannot be written: {closed.Message}."), // a closed descriptor
        IOException or SocketException => new(error.Message),
        _ => null,
    };

    public override string ToString() => NextStep is null ? $"error: {Message}" : $"error: {Message}\n       {NextStep}";

    private static string? NextStepAfter(PeerConnectError error) => error switch
    {
        PeerConnectError.PeerNotFound => "Check the key, that the other side listens, and that both use the same --bootstrap.",
        PeerConnectError.PeerConnectionFailed => "It may have gone lately, or refuse us: try again in a moment.",
        PeerConnectError.ServerIncompatible => "One of the two sides needs an update.",
        PeerConnectError.HolepunchDoubleRandomizedNats or PeerConnectError.RemoteNotHolepunchable or PeerConnectError.CannotHolepunch =>
            "A direct path is not possible between these two networks.",
        PeerConnectError.TimedOut => "Check that UDP is not blocked, then try again.",
        _ => null,
    };
}

/// <summary>Carries a <see cref="Cli.Trouble"/> to the end of the command.</summary>
internal sealed class TroubleException(string message, string? nextStep = null) : Exception(message)
{
    public Trouble Trouble { get; } = new(message, nextStep);
}
