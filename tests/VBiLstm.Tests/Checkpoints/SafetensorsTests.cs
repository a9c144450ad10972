using System.Text;
using VBiLstm.Checkpoints;

namespace VBiLstm.Tests.Checkpoints;

public class SafetensorsTests
{
    static readonly NamedTensor[] Tensors = [new("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), new("a.bias", [3], [-0f, float.MaxValue, 1e-40f]),
        new("empty", [0, 4], [])];

    static byte[] Write(IReadOnlyList<NamedTensor> tensors)
    {
        var stream = new MemoryStream();
        SafetensorsFile.Write(stream, tensors);
        return stream.ToArray();
    }

    static IReadOnlyList<NamedTensor> Read(byte[] content) => SafetensorsFile.Read(new MemoryStream(content), "w.safetensors");

    static byte[] WithHeader(string header, int dataBytes)
    {
        while (header.Length % 8 != 0)
            header += " ";
        return [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]];
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        var header = """{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""".PadRight(56);
        byte[] expected = [56, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(header), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
        Assert.Equal(expected, Write([new NamedTensor("x", [2], [1, -2])]));
    }

    [Fact]
    public void What_was_written_is_read_bit_for_bit()
    {
        var read = Read(Write(Tensors));
        Assert.Equal(Tensors.Length, read.Count);
        foreach (var (expected, actual) in Tensors.Zip(read))
        {
            Assert.Equal(expected.Name, actual.Name);
            Assert.Equal(expected.Shape, actual.Shape);
            Assert.Equal(expected.Values.Select(BitConverter.SingleToInt32Bits), actual.Values.Select(BitConverter.SingleToInt32Bits));
        }
    }

    [Fact]
    public void A_golden_vector_header_with_metadata_is_understood()
        => Assert.Equal([7f],
            Read([.. WithHeader("""{"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 0), 0, 0, 0xe0, 0x40])[0].Values);

    [Fact]
    public void Other_number_types_are_read_as_float32_in_whatever_order_the_header_names_them()
    {
        const string Header = """
            {"last":{"dtype":"F64","shape":[2],"data_offsets":[8,24]},"__metadata__":{"framework":"numpy"},
            "half":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"brain":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}
            """;
        byte[] data = [0x00, 0x3e, 0x00, 0xc4, 0x00, 0xc0, 0xc0, 0x3f, .. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(-3.0)];
        var content = SafetensorsFile.ReadContent(new MemoryStream([.. WithHeader(Header, 0), .. data]), "w.safetensors");
        Assert.Equal(["half", "brain", "last"], content.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([1.5f, -4], content.Tensors[0].Values);
        Assert.Equal([-2, 1.5f], content.Tensors[1].Values);
        Assert.Equal([0.1f, -3], content.Tensors[2].Values);
        Assert.Equal(["F16", "BF16", "F64"], content.Types);
        Assert.Equal("numpy", content.Metadata["framework"]);
    }

    [Fact]
    public void Metadata_stand_in_the_header_and_are_read_back()
    {
        var stream = new MemoryStream();
        SafetensorsFile.Write(stream, Tensors, new Dictionary<string, string> { ["a"] = "b\n\"ü" });
        stream.Position = 0;
        var content = SafetensorsFile.ReadContent(stream, "w.safetensors");
        Assert.Equal("b\n\"ü", Assert.Single(content.Metadata).Value);
        Assert.Equal(Tensors.Select(tensor => tensor.Name), content.Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData("{}", 4)]
    [InlineData("[]", 0)]
    [InlineData("not json", 0)]
    [InlineData("""{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"x":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"x":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"__metadata__":7}""", 0)]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8)]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"x":{"dtype":"F32","shape":[2147483647,2147483647],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"x":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8)]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4)]
    [InlineData("""{"x":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}""", 4)]
    public void A_header_that_does_not_fit_is_refused_by_name(string header, int dataBytes)
        => Assert.Contains("w.safetensors", Assert.Throws<CheckpointException>(() => Read(WithHeader(header, dataBytes))).Message, StringComparison.Ordinal);

    [Fact]
    public void Random_corruption_gives_tensors_or_a_clear_error()
    {
        var original = Write(Tensors);
        var random = new Random(1);
        for (var i = 0; i < 4000; i++)
        {
            var content = original.ToArray();
            for (var flips = random.Next(1, 5); flips > 0; flips--)
                content[random.Next(content.Length)] = (byte)random.Next(256);
            if (random.Next(3) == 0)
                content = content[..random.Next(content.Length)];
            try
            {
                Assert.All(Read(content), tensor => Assert.Equal(tensor.Shape.Aggregate(1, (product, size) => product * size), tensor.Values.Length));
            }
            catch (CheckpointException)
            {
            }
        }
    }
}
