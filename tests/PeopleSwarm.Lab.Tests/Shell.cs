using System.Diagnostics;

namespace PeopleSwarm.Lab;

/// <summary>The system's network tools.</summary>
internal static class Shell
{
    /// <summary>Runs a tool to its end; null if it is missing or refuses, with the reason.</summary>
    public static string? TryRun(out string reason, string? input, string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            reason = $"'{tool} {string.Join(' ', arguments)}' ended with code {process.ExitCode}: {errors.Result}";
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            reason = $"'{tool}' cannot be started: {missing.Message}";
            return null;
        }
    }

    /// <exception cref="InvalidOperationException">It ended with another code than 0.</exception>
    public static string Run(string? input, string tool, params string[] arguments) =>
        TryRun(out string reason, input, tool, arguments) ?? throw new InvalidOperationException(reason);
}
