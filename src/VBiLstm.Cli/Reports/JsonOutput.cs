using System.Text.Json;

namespace VBiLstm.Cli.Reports;

/// <summary>One JSON object on standard output.</summary>
static class JsonOutput
{
    /// <summary>Writes the whole object or, where making it fails, nothing.</summary>
    /// <exception cref="IOException">Standard output cannot be written.</exception>
    public static void Write(Action<Utf8JsonWriter> members)
    {
        using var whole = new MemoryStream();
        using (var json = new Utf8JsonWriter(whole, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        whole.WriteByte((byte)'\n');
        using var output = Console.OpenStandardOutput();
        output.Write(whole.GetBuffer().AsSpan(0, (int)whole.Length));
        output.Flush();
    }

    /// <summary>JSON has no infinity: null stands for it.</summary>
    public static void WriteFinite(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
