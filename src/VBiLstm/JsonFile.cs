using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VBiLstm;

/// <summary>JSON that people and other programs wrote: whatever is wrong with it is a <see cref="JsonException"/>.</summary>
static class JsonFile
{
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
