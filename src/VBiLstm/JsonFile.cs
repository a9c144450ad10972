using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VBiLstm;

/// <summary>JSON that people and other programs wrote: whatever is wrong with it is a <see cref="JsonException"/>.</summary>
static class JsonFile
{
    const int MostBytes = 64 << 20;

    /// <summary>Reads a whole file, or what a pipe gives; none that people write is longer than 64 MB.</summary>
    /// <exception cref="IOException">It cannot be read, or is longer.</exception>
    public static byte[] Read(string path)
    {
        using var file = SharedFile.OpenRead(path);
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            content.Write(buffer, 0, read);
            if (content.Length > MostBytes)
                throw new IOException($"It is longer than {MostBytes >> 20} MB, which no such file is.");
        }

        return content.ToArray();
    }

    /// <summary>Reads one value.</summary>
    /// <exception cref="JsonException">Not JSON, not of this type, or null.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type) where T : class
    {
        var mark = "\uFEFF"u8;
        if (json.StartsWith(mark))
            json = json[mark.Length..];
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException("It holds null.");
        }
        catch (Exception e) when (e is InvalidOperationException or NotSupportedException or ArgumentException or FormatException)
        {
            // Texts that are no Unicode, for instance, are told so by the library.
            throw new JsonException(e.Message, e);
        }
    }
}
