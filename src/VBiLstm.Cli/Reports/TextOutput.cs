using Spectre.Console;
using VBiLstm.Data;

namespace VBiLstm.Cli.Reports;

/// <summary>Drawn tokens as text.</summary>
static class TextOutput
{
    /// <summary>Where drawn text is printed: a file gets it as it was drawn; on a terminal nothing in it may act.</summary>
    public static TextWriter Printed => Console.IsOutputRedirected ? AnsiConsole.Console.Profile.Out.Writer : Console.Out;

    /// <summary>Writes tokens [sequences, steps]: words to the end of their sentence, characters as they come, ids where there is no vocabulary.</summary>
    public static void Write(TextWriter output, int[] tokens, int sequences, DataIdentity data)
    {
        var steps = tokens.Length / sequences;
        for (var n = 0; n < sequences; n++)
        {
            var ids = tokens.AsSpan(n * steps, steps).ToArray();
            if (data.Vocabulary.Count == 0)
                output.WriteLine(string.Join(' ', ids));
            else if (data.Unit == TaskUnit.Perplexity)
                output.WriteLine(string.Join(' ', ids.Select(id => data.Vocabulary[id]).TakeWhile(word => word != SpecialTokens.EndOfSentence)));
            else
                output.WriteLine(string.Concat(ids.Select(id => data.Vocabulary[id])) + (n + 1 < sequences ? "\n---" : ""));
        }
    }
}
