using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;

namespace VBiLstm.Tests.Structure;

/// <summary>
/// An object that must not be null and is null is named, in every public constructor and method of the library. Texts are left to what reads them.
/// </summary>
public class NullArgumentTests
{
    const BindingFlags Declared = BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    static readonly Assembly Library = typeof(global::VBiLstm.Devices.Device).Assembly;

    public static TheoryData<string> Types => [.. Library.GetExportedTypes().Where(type => Cases(type).Any()).Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(Types))]
    public void Public_members_name_the_argument_that_is_null(string type) => Assert.All(Cases(Library.GetType(type)!), pair =>
    {
        var (method, parameter) = pair;
        var arguments = method.GetParameters().Select(other => other == parameter ? null : Placeholder(other.ParameterType)).ToArray();
        var error = Record.Exception(() => method is ConstructorInfo constructor
            ? constructor.Invoke(arguments)
            : method.Invoke(method.IsStatic ? null : Placeholder(method.DeclaringType!), arguments));
        var inner = Assert.IsType<ArgumentNullException>(error is TargetInvocationException invocation ? invocation.InnerException : error);
        Assert.Equal(parameter.Name, inner.ParamName);
    });

    static IEnumerable<(MethodBase Method, ParameterInfo Parameter)> Cases(Type type)
    {
        if (type.IsInterface || type.ContainsGenericParameters || typeof(Delegate).IsAssignableFrom(type) || typeof(Exception).IsAssignableFrom(type)
            || typeof(JsonSerializerContext).IsAssignableFrom(type))
        {
            return [];
        }

        // A record's primary constructor keeps what it is given; its generated members take null.
        var isRecord = type.GetMethod("<Clone>$") is not null || type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null;
        return type.GetMethods(Declared).Where(method => !method.IsSpecialName).Cast<MethodBase>()
            .Concat(isRecord || type.IsAbstract ? [] : type.GetConstructors())
            .Where(method => !method.IsAbstract && !method.ContainsGenericParameters && !method.IsDefined(typeof(CompilerGeneratedAttribute)))
            .SelectMany(method => method.GetParameters().Where(MustNotBeNull).Select(parameter => (method, parameter)));
    }

    static bool MustNotBeNull(ParameterInfo parameter)
        => parameter.ParameterType is { IsValueType: false, IsByRef: false, IsPointer: false } type && type != typeof(string) && !parameter.IsOptional
            && new NullabilityInfoContext().Create(parameter).ReadState == NullabilityState.NotNull;

    // Arguments are checked before anything is done with them, so what the others are does not matter.
    static object? Placeholder(Type type)
    {
        if (type == typeof(string))
            return "";
        if (type.IsArray)
            return Array.CreateInstance(type.GetElementType()!, 0);
        if (type == typeof(Stream))
            return Stream.Null;
        if (type.IsPointer || type.IsByRef || type.IsByRefLike)
            return null;
        if (type.IsInterface && type.IsGenericType && type.IsAssignableFrom(type.GenericTypeArguments[0].MakeArrayType()))
            return Array.CreateInstance(type.GenericTypeArguments[0], 0);
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            var invoke = type.GetMethod("Invoke")!;
            if (invoke.GetParameters().Any(parameter => parameter.ParameterType.IsByRefLike))
                return null;
            return Expression.Lambda(type, Expression.Default(invoke.ReturnType),
                invoke.GetParameters().Select(parameter => Expression.Parameter(parameter.ParameterType))).Compile();
        }

        var concrete = type.IsAbstract ? Library.GetTypes().FirstOrDefault(candidate => !candidate.IsAbstract && type.IsAssignableFrom(candidate)) : type;
        return concrete is null ? null : RuntimeHelpers.GetUninitializedObject(concrete);
    }
}
