using System.Diagnostics.CodeAnalysis;

namespace VBiLstm.Configuration;

/// <summary>The texts that a key of the configuration takes.</summary>
[AttributeUsage(AttributeTargets.Property)]
abstract class ValuesAttribute(string[] names) : Attribute
{
    public string[] Names { get; } = names;
}

/// <summary>Those of an enumeration.</summary>
sealed class ValuesOfAttribute<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum>() : ValuesAttribute(ValueNames.All<TEnum>())
    where TEnum : struct, Enum;
