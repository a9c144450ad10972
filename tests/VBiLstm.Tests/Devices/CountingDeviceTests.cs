using VBiLstm.Devices;
using VBiLstm.Devices.Counting;

namespace VBiLstm.Tests.Devices;

/// <summary>Single operations by hand.</summary>
public class CountingDeviceTests
{
    // Any address that is not that of an empty tensor.
    static Tensor New(int rows, int columns) => new(64, rows, columns, columns);

    // With an operand beside the values, or alone.
    static Tensor Both(int rows, int columns) => New(rows, columns) with { Operand = 64 };

    static Tensor Operand(int rows, int columns) => Both(rows, columns) with { Address = 0 };

    static List<CountedOperation> Count(Action<CountingDevice> operations, bool roundsOperands = false, bool hasThinKernels = false)
    {
        var counted = new List<CountedOperation>();
        using var device = new CountingDevice(roundsOperands, hasThinKernels) { Counted = counted.Add };
        operations(device);
        return counted;
    }

    [Fact]
    public void A_product()
    {
        var operation = Assert.Single(Count(device =>
        {
            using var w = device.CreateWeight(New(5, 7), WeightUse.Forward);
            device.Multiply(New(3, 5), w, New(1, 7), New(3, 7), accumulate: false);
        }));
        Assert.Equal((1, 4 * (15 + 35 + 7 + 21), 2.0 * 3 * 5 * 7), (operation.Kernels, operation.Bytes, operation.FloatingPointOperations));
    }

    [Fact]
    public void A_product_that_adds_reads_what_it_adds_to()
    {
        var operation = Assert.Single(Count(device =>
        {
            using var w = device.CreateWeight(New(5, 7), WeightUse.Transposed);
            device.MultiplyTransposed(New(3, 7), w, New(3, 5), accumulate: true);
        }));
        Assert.Equal((4 * (21 + 35 + 15 + 15), 2.0 * 3 * 5 * 7), (operation.Bytes, operation.FloatingPointOperations));
    }

    [Fact]
    public void Weight_gradients_are_a_product_each_and_one_sum_of_rows()
    {
        var counted = Count(device => device.WeightGradients([new(New(9, 2), New(2, 4)), new(default, New(3, 4)), new(New(9, 5), New(5, 4))], New(9, 4),
            New(1, 4)));
        Assert.Equal([(4L * (18 + 36 + 8), 2.0 * 9 * 2 * 4), (4L * (45 + 36 + 20), 2.0 * 9 * 5 * 4), (4L * (36 + 4), 0.0)],
            counted.Select(operation => (operation.Bytes, operation.FloatingPointOperations)));
    }

    [Theory]
    [InlineData(511, 100, 1)]
    [InlineData(512, 100, 2)]
    [InlineData(5120, 1024, 16)]
    [InlineData(5120, 4096, 4)]
    [InlineData(100_000, 20_000, 1)]
    public void Many_rows_are_summed_in_slices_and_the_slices_after_them(int rows, int columns, int slices)
    {
        var counted = Count(device => device.WeightGradients([], New(rows, columns), New(1, columns), accumulate: true));
        var (all, bias) = (4L * rows * columns, 4L * columns);
        Assert.Equal(slices == 1 ? [all + 2 * bias] : [all + slices * bias, slices * bias + 2 * bias], counted.Select(operation => operation.Bytes));
    }

    [Fact]
    public void An_lstm_cell_rewrites_its_gates_and_writes_three_states()
    {
        var operation = Assert.Single(Count(device => device.LstmCellForward(New(3, 20), New(3, 20), New(3, 5), default, New(3, 5), New(3, 5), New(3, 5))));
        Assert.Equal(4 * (60 + 60 + 60 + 15 + 3 * 15), operation.Bytes);
    }

    [Fact]
    public void Adam_reads_four_arenas_and_writes_three()
    {
        var one = New(1, 1);
        var arguments = new AdamArguments(one, one, one, one, one, one, 0.9f, 0.999f, 1e-5f, 0, HaltOnNonFinite: false);
        var operation = Assert.Single(Count(device => device.AdamStep(New(1, 100), New(1, 100), New(1, 100), New(1, 100), arguments)));
        Assert.Equal(4 * 700, operation.Bytes);
    }

    [Fact]
    public void Products_in_bf16_read_two_bytes_and_write_four()
    {
        var counted = Count(device =>
        {
            using var w = device.CreateWeight(Both(5, 7), WeightUse.Forward | WeightUse.Transposed);
            device.Multiply(Operand(3, 5), w, New(1, 7), Both(3, 7), accumulate: false);
            device.MultiplyTransposed(Both(3, 7), w, New(3, 5), accumulate: true);
            device.WeightGradients([new(Operand(3, 5), New(5, 7))], Both(3, 7), New(1, 7));
        }, roundsOperands: true);
        Assert.Equal([2 * (15 + 35) + 4 * (7 + 21), 2 * (21 + 35) + 2 * 4 * 15, 2 * (15 + 21) + 4 * 35, 4 * (21 + 7)],
            counted.Select(operation => operation.Bytes));
    }

    [Fact]
    public void Operands_are_written_beside_values_and_read_where_there_is_nothing_else()
    {
        var one = New(1, 1);
        var arguments = new AdamArguments(one, one, one, one, one, one, 0.9f, 0.999f, 1e-5f, 0, HaltOnNonFinite: false);
        var counted = Count(device =>
        {
            device.AdamStep(Both(1, 100), New(1, 100), New(1, 100), New(1, 100), arguments);
            device.Copy(Operand(3, 5), Both(3, 5));
            device.Zero(Both(3, 5));
            device.Zero(Both(3, 5).ColumnRange(0, 2));
            device.Zero(Operand(3, 5));
        }, roundsOperands: true);
        Assert.Equal([4 * 700 + 2 * 100, (2 + 4 + 2) * 15, 4 * 15, 2 * 15, (4 + 2) * 6, 2 * 15], counted.Select(operation => operation.Bytes));
    }

    [Fact]
    public void What_leaves_no_operand_is_rounded_after_it()
    {
        var counted = Count(device =>
        {
            device.CategoricalNllBackward(Both(3, 5), new IdTensor(64, 3), New(3, 1));
            device.EmbeddingBackward(new IdTensor(64, 3), New(3, 5), Both(2, 5));
        }, roundsOperands: true);
        Assert.Equal([("CategoricalNllBackward", 4L * (15 + 3 + 3 + 15)), ("Copy", 6L * 15), ("Zero", 4L * 10), ("Zero", 2L * 10),
            ("EmbeddingBackward", 4L * (3 + 15 + 10)), ("Copy", 6L * 10)], counted.Select(operation => (operation.Name, operation.Bytes)));
    }

    [Theory]
    [InlineData(128, true, 1)]
    [InlineData(129, true, 2)]
    [InlineData(128, false, 2)]
    public void A_product_of_few_rows_in_bf16_is_one_kernel_with_the_cell_behind_it(int rows, bool hasThinKernels, int kernels)
    {
        const int H = 5, In = 7;
        var counted = Count(device =>
        {
            using var w = device.CreateWeight(Both(In, 4 * H), WeightUse.Forward);
            device.MultiplyLstmCellForward(Both(rows, In), w, Both(rows, 4 * H), default, New(rows, H), default, New(rows, H), New(rows, H), Both(rows, H));
        }, roundsOperands: true, hasThinKernels);
        Assert.Equal(kernels, counted.Count);
        Assert.Equal(2.0 * rows * In * 4 * H, counted[0].FloatingPointOperations);

        // The gates are read and written once more where they are the product's result.
        var (operands, gates, states) = (2L * In * (rows + 4 * H), 4L * 4 * rows * H, (4L * 4 + 2) * rows * H);
        Assert.Equal(operands + (kernels * 2 * gates) + states, counted.Sum(operation => operation.Bytes));
    }

    [Fact]
    public void A_product_of_few_rows_in_tf32_reads_and_writes_float32_only()
    {
        const int B = 3, H = 5, In = 7;
        var operation = Assert.Single(Count(device =>
        {
            using var w = device.CreateWeight(New(In, 4 * H), WeightUse.Forward);
            device.MultiplyLstmCellForward(New(B, In), w, New(B, 4 * H), default, New(B, H), default, New(B, H), New(B, H), New(B, H));
        }, hasThinKernels: true));
        Assert.Equal(4L * (In * (B + 4 * H) + 2 * B * 4 * H + 4 * B * H), operation.Bytes);
    }

    [Fact]
    public void A_gather_reads_no_more_rows_than_the_table_has()
        => Assert.Equal(4 * (10 + 10 * 6 + 4 * 6), Assert.Single(Count(device => device.EmbeddingForward(new IdTensor(64, 10), New(4, 6), New(10, 6)))).Bytes);

    [Fact]
    public void A_recording_is_one_call_of_the_host_and_its_kernels_otherwise_one_each()
    {
        var counted = new List<CountedOperation>();
        using var device = new CountingDevice { Counted = counted.Add };
        device.Zero(New(2, 2));
        device.Zero(New(2, 2));
        Assert.Equal(2, device.HostLaunches);
        using var recorded = device.Record(() =>
        {
            device.Zero(New(2, 2));
            device.Copy(New(2, 2), New(2, 2));
            device.Zero(New(2, 2));
        });
        recorded.Replay();
        recorded.Replay();
        Assert.Equal((2 + 2, 2 + 6), (device.HostLaunches, counted.Count));
    }

    [Fact]
    public void Memory_of_any_size_is_an_address()
    {
        using var device = new CountingDevice();
        using var first = device.Allocate(1L << 40, "nothing");
        using var second = device.Allocate(1L << 40, "nothing");
        Assert.True(first.Address > 0 && second.Address >= first.Address + (nint)first.Bytes);
    }
}
