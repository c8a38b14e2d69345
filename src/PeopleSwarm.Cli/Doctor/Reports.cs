using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PeopleSwarm.Cli.Doctor;

/// <summary>Findings in columns, for people.</summary>
internal sealed class TextReport(TextWriter output) : IReport
{
    private readonly Lock _lock = new();

    public void Add(Finding finding) =>
        Write($"{Word(finding.Verdict),-5}{finding.Check,-11}{finding.Text}{(finding.Elapsed is { } time ? $" ({Milliseconds(time)})" : "")}");

    public void Add(PeerConnectStep step) => Write($"{"",-5}{Milliseconds(step.Elapsed),9}  {step.Text}");

    private static string Word(Verdict verdict) => verdict switch { Verdict.Good => "ok", Verdict.Note => "note", _ => "BAD" };

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:F1} ms");

    private void Write(string line)
    {
        lock (_lock) output.WriteLine(line);
    }
}

/// <summary>Findings as JSON, an object a line.</summary>
internal sealed class JsonReport(TextWriter output) : IReport
{
    private static readonly ReportContext s_context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private readonly Lock _lock = new();

    public void Add(Finding finding) => Write(JsonSerializer.Serialize(
        new FindingEvent("finding", finding.Check, Word(finding.Verdict), finding.Value, finding.Text, finding.Elapsed?.TotalMilliseconds), s_context.FindingEvent));

    public void Add(PeerConnectStep step) =>
        Write(JsonSerializer.Serialize(new StepEvent("step", step.Text, step.Elapsed.TotalMilliseconds), s_context.StepEvent));

    private static string Word(Verdict verdict) => verdict switch { Verdict.Good => "good", Verdict.Note => "note", _ => "bad" };

    private void Write(string line)
    {
        lock (_lock) output.WriteLine(line);
    }
}

internal sealed record FindingEvent(string Event, string Check, string Verdict, string Value, string Text, double? Milliseconds);

internal sealed record StepEvent(string Event, string Text, double Milliseconds);

[JsonSerializable(typeof(FindingEvent))]
[JsonSerializable(typeof(StepEvent))]
internal sealed partial class ReportContext : JsonSerializerContext;
