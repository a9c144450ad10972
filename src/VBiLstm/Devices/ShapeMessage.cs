using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace VBiLstm.Devices;

/// <summary>What does not fit about an operation's operands. Written only where something does not, so that checks allocate nothing.</summary>
[InterpolatedStringHandler]
readonly ref struct ShapeMessage
{
    readonly StringBuilder? _text;

    public ShapeMessage(int literalLength, int formattedCount, bool holds, out bool isWritten)
    {
        isWritten = !holds;
        _text = holds ? null : new StringBuilder(literalLength + 8 * formattedCount);
    }

    public void AppendLiteral(string text) => _text!.Append(text);

    public void AppendFormatted(string text) => _text!.Append(text);

    public void AppendFormatted(Tensor tensor)
        => _ = tensor.IsEmpty ? _text!.Append("empty") : _text!.Append(CultureInfo.InvariantCulture, $"[{tensor.Rows}, {tensor.Columns}]");

    public void AppendFormatted(IdTensor ids) => _ = ids.IsEmpty ? _text!.Append("empty") : _text!.Append(CultureInfo.InvariantCulture, $"[{ids.Count}]");

    public void AppendFormatted(long number) => _text!.Append(CultureInfo.InvariantCulture, $"{number}");

    public override string ToString() => $"{_text}";
}
