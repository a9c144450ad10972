using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>
/// The values of an enumeration as configurations spell them. JSON has them as texts of a property of their own: of one that is an enumeration the serializer
/// would compile a hundred methods at every start.
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
    /// <exception cref="JsonException">No value is called so; names those that are.</exception>
    public static TEnum Parse<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum>(string text) where TEnum : struct, Enum
    {
        var number = Array.IndexOf(Table<TEnum>.Names, text);
        return number >= 0 ? Table<TEnum>.Values[number] : throw new JsonException($"'{text}' is none of {string.Join(", ", Table<TEnum>.Names)}.");
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
