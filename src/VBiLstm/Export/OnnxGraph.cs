using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using VBiLstm.Configuration;
using static VBiLstm.ProtobufMessage;

namespace VBiLstm.Export;

/// <summary>
/// A graph of ONNX operators of opset 17, built node by node, and its file (onnx/onnx.proto: ModelProto around GraphProto). Values go by name.
/// </summary>
sealed class OnnxGraph
{
    const int IrVersion = 8, Opset = 17;
    const int FloatType = 1, Int64Type = 7;
    const int FloatAttribute = 1, IntAttribute = 2;

    // Of a message, which protobuf's length fields can say.
    const long MaximumBytes = 2_000_000_000;

    readonly List<Action<CodedOutputStream>> _nodes = [], _initializers = [], _inputs = [], _outputs = [];
    readonly HashSet<string> _names = [];
    long _bytes;

    /// <summary>An input of float32.</summary>
    /// <param name="name">Of the input.</param>
    /// <param name="shape">Sizes as numbers, or names of sizes that the caller chooses.</param>
    public string Input(string name, params string[] shape) => Declare(_inputs, name, FloatType, shape);

    /// <summary>As <see cref="Input"/>, of int64.</summary>
    public string IdInput(string name, params string[] shape) => Declare(_inputs, name, Int64Type, shape);

    /// <summary>Makes a value an output of float32 under a name of its own.</summary>
    public void Output(string name, string value, params string[] shape)
    {
        _nodes.Add(node => WriteNode(node, "Identity", [value], [name], []));
        Declare(_outputs, name, FloatType, shape);
    }

    /// <summary>Weights [sizes], row-major; the same name again is the same weights.</summary>
    public string Weights(string name, ReadOnlyMemory<float> values, params int[] sizes)
    {
        if (!_names.Add(name))
            return name;
        _bytes += 4L * values.Length;
        if (_bytes > MaximumBytes)
            throw new ConfigurationException($"The model's weights are more than {MaximumBytes:N0} bytes, which one ONNX file can hold.");
        _initializers.Add(tensor => WriteTensor(tensor, name, FloatType, sizes, MemoryMarshal.AsBytes(values.Span).ToArray()));
        return name;
    }

    /// <summary>One number.</summary>
    public string Constant(float value) => Weights(string.Create(CultureInfo.InvariantCulture, $"constant {value:R}"), new[] { value }, []);

    /// <summary>An operator with one output.</summary>
    public string Node(string type, params string[] inputs) => Node(type, inputs, []);

    /// <summary>As above, with attributes.</summary>
    public string Node(string type, string[] inputs, params (string Name, double Value, bool IsInteger)[] attributes) => Nodes(type, 1, inputs, attributes)[0];

    /// <summary>An operator with several outputs.</summary>
    public string[] Nodes(string type, int outputs, string[] inputs, params (string Name, double Value, bool IsInteger)[] attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(output => $"{type} {_nodes.Count}.{output}")];
        _nodes.Add(node => WriteNode(node, type, inputs, names, attributes));
        return names;
    }

    /// <summary>Whole numbers that an operator takes as an input.</summary>
    public string Integers(string name, params long[] values)
    {
        if (_names.Add(name))
            _initializers.Add(tensor => WriteTensor(tensor, name, Int64Type, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray()));
        return name;
    }

    /// <summary>Parts of equal width of the last dimension.</summary>
    public string[] Split(string value, int parts, int width)
        => Nodes("Split", parts, [value, Integers($"{parts} of {width}", [.. Enumerable.Repeat((long)width, parts)])], ("axis", -1, true));

    /// <summary>Writes the model's file.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <param name="description">For people.</param>
    /// <param name="properties">By name, for programs.</param>
    public void Write(Stream stream, string description, IEnumerable<(string Key, string Value)> properties)
    {
        using var model = new CodedOutputStream(stream, leaveOpen: true);
        WriteVarint(model, 1, IrVersion);
        WriteString(model, 2, "vbilstm");
        WriteString(model, 6, description);
        WriteMessage(model, 7, graph =>
        {
            foreach (var node in _nodes)
                WriteMessage(graph, 1, node);
            WriteString(graph, 2, "generative_step");
            foreach (var (field, messages) in new[] { (5, _initializers), (11, _inputs), (12, _outputs) })
                foreach (var message in messages)
                    WriteMessage(graph, field, message);
        });
        WriteMessage(model, 8, opset => WriteVarint(opset, 2, Opset));
        foreach (var (key, value) in properties)
        {
            WriteMessage(model, 14, entry =>
            {
                WriteString(entry, 1, key);
                WriteString(entry, 2, value);
            });
        }
    }

    static string Declare(List<Action<CodedOutputStream>> where, string name, int type, string[] shape)
    {
        where.Add(value =>
        {
            WriteString(value, 1, name);
            WriteMessage(value, 2, of => WriteMessage(of, 1, tensor =>
            {
                WriteVarint(tensor, 1, type);
                WriteMessage(tensor, 2, sizes =>
                {
                    foreach (var size in shape)
                    {
                        WriteMessage(sizes, 1, dimension =>
                        {
                            if (int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                                WriteVarint(dimension, 1, number);
                            else
                                WriteString(dimension, 2, size);
                        });
                    }
                });
            }));
        });
        return name;
    }

    static void WriteNode(CodedOutputStream node, string type, string[] inputs, string[] outputs, (string Name, double Value, bool IsInteger)[] attributes)
    {
        foreach (var input in inputs)
            WriteString(node, 1, input);
        foreach (var output in outputs)
            WriteString(node, 2, output);
        WriteString(node, 4, type);
        foreach (var (name, value, isInteger) in attributes)
        {
            WriteMessage(node, 5, attribute =>
            {
                WriteString(attribute, 1, name);
                if (isInteger)
                    WriteVarint(attribute, 3, (long)value);
                else
                    WriteFloat(attribute, 2, (float)value);
                WriteVarint(attribute, 20, isInteger ? IntAttribute : FloatAttribute);
            });
        }
    }

    static void WriteTensor(CodedOutputStream tensor, string name, int type, int[] sizes, byte[] content)
    {
        foreach (var size in sizes)
            WriteVarint(tensor, 1, size);
        WriteVarint(tensor, 2, type);
        WriteString(tensor, 8, name);
        WriteBytes(tensor, 9, content);
    }
}
