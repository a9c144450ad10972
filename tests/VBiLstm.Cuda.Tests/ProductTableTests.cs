using VBiLstm.Tests;

namespace VBiLstm.Cuda.Tests;

/// <summary>What was measured of products of few rows, and what is chosen by it.</summary>
public class ProductTableTests
{
    static readonly ThinProductShape Cell = new(ThinProduct.LstmCellForward, 32, 1024, 4096), Sample = new(ThinProduct.SampleGaussian, 32, 512, 256);

    static ProductTable Table()
    {
        var table = new ProductTable();
        table.Add(Cell, new ProductTimes(7.5, 9.25));
        table.Add(Sample, new ProductTimes(8, 4));
        return table;
    }

    static bool Prefers(CudaOptions options, ProductTable? table, ThinProductShape shape)
        => new ProductPlanner(options, table).PrefersKernel(shape.Product, shape.Rows, shape.Inner, shape.Columns);

    static readonly CudaOptions Bf16 = new() { Precision = CudaPrecision.Bf16 };

    [Fact]
    public void The_faster_one_is_chosen_and_the_kernel_where_nothing_was_measured()
    {
        Assert.False(Prefers(Bf16, Table(), Cell));
        Assert.True(Prefers(Bf16, Table(), Sample));
        Assert.True(Prefers(Bf16, Table(), Cell with { Rows = 31 }));
        Assert.True(Prefers(Bf16, null, Cell));
    }

    [Fact]
    public void What_was_asked_for_goes_before_what_was_measured()
    {
        Assert.True(Prefers(Bf16 with { Products = CudaProducts.Kernels }, Table(), Cell));
        Assert.False(Prefers(Bf16 with { Products = CudaProducts.Library }, Table(), Sample));
    }

    [Theory]
    [InlineData(CudaPrecision.Bf16, 128, true)]
    [InlineData(CudaPrecision.Bf16, 129, false)]
    [InlineData(CudaPrecision.Tf32, 8, false)]
    [InlineData(CudaPrecision.Fp32, 8, false)]
    public void Kernels_are_for_few_rows_of_bf16(CudaPrecision precision, int rows, bool expected)
        => Assert.Equal(expected, Prefers(new CudaOptions { Precision = precision, Products = CudaProducts.Kernels }, null, Cell with { Rows = rows }));

    [Fact]
    public void A_written_table_is_read_again()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At(Path.Combine("cache", "products.json"));
        Assert.Null(ProductTable.Read(path, "A GPU"));
        Table().Write(path, "A GPU", "its libraries");
        var read = ProductTable.Read(path, "A GPU")!;
        Assert.Equal(Table().Times, read.Times);
        Assert.Equal(Table().Fingerprint, read.Fingerprint);

        // Other times that choose the same are the same to the ranks of a training.
        read.Add(Cell, new ProductTimes(1, 2));
        Assert.Equal(Table().Fingerprint, read.Fingerprint);
        read.Add(Cell, new ProductTimes(2, 1));
        Assert.NotEqual(Table().Fingerprint, read.Fingerprint);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{ \"format\": 1 }")]
    [InlineData("{ \"format\": 2, \"gpu\": \"A GPU\", \"libraries\": \"\", \"products\": [] }")]
    [InlineData("""{ "format": 1, "gpu": "Another", "libraries": "", "products": [] }""")]
    [InlineData("""
        { "format": 1, "gpu": "A GPU", "libraries": "", "products":
            [{ "product": "3", "rows": 1, "inner": 1, "columns": 1, "library_microseconds": 1, "kernel_microseconds": 1 }] }
        """)]
    [InlineData("""
        { "format": 1, "gpu": "A GPU", "libraries": "", "products":
            [{ "product": "LeakyRelu", "rows": 1, "inner": 1, "columns": 1, "library_microseconds": 1 }] }
        """)]
    public void A_file_that_is_no_such_table_is_refused_by_name(string content)
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("products.json");
        File.WriteAllText(path, content);
        var e = Assert.Throws<CudaException>(() => ProductTable.Read(path, "A GPU"));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains("bench --tune", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ThinProduct.LeakyRelu)]
    [InlineData(ThinProduct.SampleGaussian)]
    [InlineData(ThinProduct.LstmCellForward)]
    [InlineData(ThinProduct.Transposed)]
    [InlineData(ThinProduct.TransposedSampleGaussian)]
    [InlineData(ThinProduct.TransposedLeakyRelu)]
    [InlineData(ThinProduct.TransposedLstmCellBackward)]
    public void Both_ways_are_measured(ThinProduct product)
    {
        using var device = Gpu.Create(precision: CudaPrecision.Bf16);
        var times = ProductMeasurement.Measure(device, new ThinProductShape(product, 3, 20, 16));
        Assert.True(times is { LibraryMicroseconds: > 0, KernelMicroseconds: > 0 });
        Assert.Empty(device.GraphNodes);
    }
}
