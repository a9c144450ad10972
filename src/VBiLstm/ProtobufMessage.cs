using Google.Protobuf;

namespace VBiLstm;

/// <summary>Fields of messages in protobuf's encoding, of formats too small to generate code for.</summary>
static class ProtobufMessage
{
    /// <summary>A message as bytes.</summary>
    public static byte[] Encode(Action<CodedOutputStream> content)
    {
        using var bytes = new MemoryStream();
        using (var message = new CodedOutputStream(bytes, leaveOpen: true))
            content(message);
        return bytes.ToArray();
    }

    public static void WriteMessage(CodedOutputStream message, int field, Action<CodedOutputStream> content) => WriteBytes(message, field, Encode(content));

    public static void WriteBytes(CodedOutputStream message, int field, ReadOnlyMemory<byte> bytes)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteBytes(UnsafeByteOperations.UnsafeWrap(bytes));
    }

    public static void WriteString(CodedOutputStream message, int field, string text)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteString(text);
    }

    public static void WriteVarint(CodedOutputStream message, int field, long value)
    {
        message.WriteTag(field, WireFormat.WireType.Varint);
        message.WriteInt64(value);
    }

    public static void WriteFloat(CodedOutputStream message, int field, float value)
    {
        message.WriteTag(field, WireFormat.WireType.Fixed32);
        message.WriteFloat(value);
    }
}
