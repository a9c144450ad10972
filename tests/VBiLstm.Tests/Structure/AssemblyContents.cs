using System.Reflection;
using System.Reflection.Emit;

namespace VBiLstm.Tests.Structure;

/// <summary>What the compiled code of an assembly names: types and texts, read from its metadata and its instructions.</summary>
sealed class AssemblyContents
{
    const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    static readonly Dictionary<short, OpCode> Instructions = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    readonly Assembly _assembly;

    public AssemblyContents(Assembly assembly)
    {
        _assembly = assembly;
        foreach (var type in assembly.GetTypes().Where(IsOwn))
            Read(type);
    }

    /// <summary>Pairs of types of the assembly, the first of which names the second; nested types count as the one that holds them.</summary>
    public HashSet<(Type From, Type To)> References { get; } = [];

    /// <summary>Literal texts of code and attributes with the type in which they stand.</summary>
    public List<(Type Type, string Text)> Texts { get; } = [];

    void Read(Type type)
    {
        var from = Outermost(type);
        Add(from, type.BaseType);
        foreach (var implemented in type.GetInterfaces())
            Add(from, implemented);
        foreach (var argument in type.GetGenericArguments())
            Add(from, argument);
        AddAttributes(from, type);
        foreach (var field in type.GetFields(Declared))
        {
            Add(from, field.FieldType);
            AddAttributes(from, field);
        }

        foreach (var property in type.GetProperties(Declared))
            AddAttributes(from, property);
        foreach (var method in type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)))
            Read(from, method);
    }

    void Read(Type from, MethodBase method)
    {
        AddAttributes(from, method);
        AddSignature(from, method);
        if (method.GetMethodBody() is not { } body)
            return;
        foreach (var local in body.LocalVariables)
            Add(from, local.LocalType);
        foreach (var handler in body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause))
            Add(from, handler.CatchType);
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        foreach (var (kind, token) in Operands(body.GetILAsByteArray()!))
        {
            if (kind == OperandType.InlineString)
                Texts.Add((from, method.Module.ResolveString(token)));
            else if (kind is OperandType.InlineType or OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineTok)
                AddMember(from, method.Module.ResolveMember(token, typeArguments, methodArguments));
        }
    }

    /// <summary>The operands of instructions that are tokens.</summary>
    static IEnumerable<(OperandType Kind, int Token)> Operands(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[++at])) : code[at];
            at++;
            var kind = Instructions[value].OperandType;
            if (kind is OperandType.InlineString or OperandType.InlineType or OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineTok)
                yield return (kind, BitConverter.ToInt32(code, at));
            at += kind switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }

    void AddMember(Type from, MemberInfo? member)
    {
        if (member is Type type)
            Add(from, type);
        Add(from, member?.DeclaringType);
        if (member is MethodBase method)
            AddSignature(from, method);
        else if (member is FieldInfo field)
            Add(from, field.FieldType);
    }

    void AddSignature(Type from, MethodBase method)
    {
        foreach (var parameter in method.GetParameters())
            Add(from, parameter.ParameterType);
        Add(from, (method as MethodInfo)?.ReturnType);
        if (method.IsGenericMethod)
            foreach (var argument in method.GetGenericArguments())
                Add(from, argument);
    }

    void AddAttributes(Type from, MemberInfo member)
    {
        foreach (var attribute in member.GetCustomAttributesData())
        {
            Add(from, attribute.AttributeType);
            foreach (var argument in attribute.ConstructorArguments)
            {
                Add(from, argument.Value as Type);
                if (argument.Value is string text)
                    Texts.Add((from, text));
            }
        }
    }

    void Add(Type from, Type? to)
    {
        while (to is { HasElementType: true })
            to = to.GetElementType();
        if (to is null)
            return;
        foreach (var argument in to.IsGenericParameter
            ? to.GetGenericParameterConstraints().Where(constraint => !constraint.IsGenericType)
            : to.GetGenericArguments())
            Add(from, argument);
        if (to.Assembly != _assembly || to.IsGenericParameter)
            return;
        var outermost = Outermost(to);
        if (outermost != from && IsOwn(outermost))
            References.Add((from, outermost));
    }

    // Not what the compiler and its generators put beside it.
    static bool IsOwn(Type type) => type.Namespace?.StartsWith(nameof(VBiLstm), StringComparison.Ordinal) == true;

    static Type Outermost(Type type)
    {
        while (type.DeclaringType is { } outer)
            type = outer;
        return type.IsGenericType ? type.GetGenericTypeDefinition() : type;
    }
}
