using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>
/// The values of an enumeration as configurations spell them. In the JSON that every start reads they are texts, of a property of their own: for each
/// enumeration the serializer would compile a hundred methods then.
/// </summary>
static class ValueNames
{
    /// <summary>A value as configurations write it.</summary>
    public static string Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum>(TEnum value) where TEnum : struct, Enum
    {
        for (var i = 0; i < Table<TEnum>.Values.Length; i++)
            if (Table<TEnum>.Values[i].Equals(value))
                return Table<TEnum>.Names[i];
        throw new ArgumentOutOfRangeException(nameof(value), value, "Not a value of the configuration.");
    }

    /// <summary>The value of a name.</summary>
    /// <param name="text">The name; null where a file of an earlier version lacks the key.</param>
    /// <param name="absent">What it is then.</param>
    /// <param name="property">The caller: the key's name and "Text".</param>
    /// <exception cref="JsonException">No value is called so; names the key, and the names that are.</exception>
    public static TEnum Parse<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum>(string? text, TEnum absent,
        [CallerMemberName] string property = "") where TEnum : struct, Enum
    {
        if (text is null)
            return absent;
        var number = Array.IndexOf(Table<TEnum>.Names, text);
        return number >= 0
            ? Table<TEnum>.Values[number]
            : throw new JsonException($"{JsonNamingPolicy.SnakeCaseLower.ConvertName(property[..^"Text".Length])} is '{text}'; expected "
                + $"{string.Join(", ", Table<TEnum>.Names)}.");
    }

    /// <summary>Every name, in the order of the values.</summary>
    public static string[] All<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum>() where TEnum : struct, Enum
        => Table<TEnum>.Names;

    static class Table<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum> where TEnum : struct, Enum
    {
        public static readonly TEnum[] Values = Enum.GetValues<TEnum>();
        public static readonly string[] Names = Array.ConvertAll(Enum.GetNames<TEnum>(),
            name => typeof(TEnum).GetField(name)!.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name);
    }
}
