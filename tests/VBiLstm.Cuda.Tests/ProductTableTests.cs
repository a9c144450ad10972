using VBiLstm.Devices;
using VBiLstm.Tests;

namespace VBiLstm.Cuda.Tests;

/// <summary>What was measured of products of few rows, and what is chosen by it.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class ProductTableTests
{
    static readonly ThinProductShape Cell = new(CudaPrecision.Bf16, ThinProduct.LstmCellForward, 32, 1024, 4096),
        Sample = new(CudaPrecision.Bf16, ThinProduct.SampleGaussian, 32, 512, 256);

    static ProductTable Table()
    {
        var table = new ProductTable();
        table.Add(Cell, new ProductTimes(7.5, 9.25));
        table.Add(Sample, new ProductTimes(8, 4));
        table.Add(Cell with { Precision = CudaPrecision.Tf32 }, new ProductTimes(9, 8));
        return table;
    }

    static bool Prefers(CudaOptions options, ProductTable? table, ThinProductShape shape)
        => new ProductPlanner(options, hasKernels: true, table).PrefersKernel(shape.Product, shape.Rows, shape.Inner, shape.Columns);

    static readonly CudaOptions Bf16 = new() { Precision = CudaPrecision.Bf16 };

    [Fact]
    public void The_faster_one_is_chosen_and_the_library_where_nothing_was_measured()
    {
        Assert.False(Prefers(Bf16, Table(), Cell));
        Assert.True(Prefers(Bf16, Table(), Sample));
        Assert.False(Prefers(Bf16, Table(), Cell with { Rows = 31 }));
        Assert.False(Prefers(Bf16, null, Cell));

        // Each precision by its own times.
        var tf32 = new CudaOptions { Precision = CudaPrecision.Tf32 };
        Assert.True(Prefers(tf32, Table(), Cell));
        Assert.False(Prefers(tf32, Table(), Sample));
        var table = Table();
        table.Add(Cell with { Precision = CudaPrecision.Tf32 }, new ProductTimes(8, 9));
        Assert.False(Prefers(tf32, table, Cell));
    }

    [Fact]
    public void What_was_asked_for_goes_before_what_was_measured()
    {
        Assert.True(Prefers(Bf16 with { Products = CudaProducts.Kernels }, Table(), Cell));
        Assert.False(Prefers(Bf16 with { Products = CudaProducts.Library }, Table(), Sample));
    }

    [Theory]
    [InlineData(CudaPrecision.Bf16, 90, true)]
    [InlineData(CudaPrecision.Tf32, 80, true)]
    [InlineData(CudaPrecision.Tf32, 75, false)]
    [InlineData(CudaPrecision.Fp32, 90, false)]
    public void Kernels_are_for_few_rows_in_bf16_and_tf32(CudaPrecision precision, int computeCapability, bool expected)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told what it is.");
        SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", computeCapability);
        try
        {
            using var device = new CudaDevice(Gpu.Options(precision: precision));
            Assert.Equal(expected, device.HasThinKernels);
            Assert.Equal(expected, IsAsked(device, Device.MostThinRows));
            Assert.False(IsAsked(device, Device.MostThinRows + 1));
        }
        finally
        {
            SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", 90);
        }
    }

    // Whether a product of so many rows has a kernel.
    static bool IsAsked(CudaDevice device, int rows)
    {
        using var arena = Arena.Create(device, "a product",
            a => (X: a.Take(rows, 4, Readers.All), W: a.Take(4, 8, Readers.All), Bias: a.Take(1, 8), Y: a.Take(rows, 8, Readers.All)), out var at);
        using var weight = device.CreateWeight(at.W, WeightUse.Forward);
        var before = device.ThinProducts.Count;
        device.MultiplyLeakyRelu(at.X, weight, at.Bias, at.Y, new LeakyRelu(0.1f, 1));
        device.Synchronise();
        return device.ThinProducts.Count > before;
    }

    [Fact]
    public void Kernels_of_tf32_are_refused_where_there_are_none()
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told what it is.");
        SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", 75);
        try
        {
            var e = Assert.Throws<CudaException>(
                () => new CudaDevice(Gpu.Options(precision: CudaPrecision.Tf32) with { Products = CudaProducts.Kernels }));
            Assert.Contains("8.0", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", 90);
        }
    }

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

    [Fact]
    public void A_table_of_the_first_format_is_of_bf16()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("products.json");
        File.WriteAllText(path, """
            { "format": 1, "gpu": "A GPU", "libraries": "", "products":
                [{ "product": "LstmCellForward", "rows": 32, "inner": 1024, "columns": 4096, "library_microseconds": 7.5, "kernel_microseconds": 9.25 }] }
            """);
        Assert.Equal(new ProductTimes(7.5, 9.25), Assert.Single(ProductTable.Read(path, "A GPU")!.Times, pair => pair.Key == Cell).Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{ \"format\": 1 }")]
    [InlineData("{ \"format\": 3, \"gpu\": \"A GPU\", \"libraries\": \"\", \"products\": [] }")]
    [InlineData("""{ "format": 1, "gpu": "Another", "libraries": "", "products": [] }""")]
    [InlineData("""
        { "format": 1, "gpu": "A GPU", "libraries": "", "products":
            [{ "product": "3", "rows": 1, "inner": 1, "columns": 1, "library_microseconds": 1, "kernel_microseconds": 1 }] }
        """)]
    [InlineData("""
        { "format": 1, "gpu": "A GPU", "libraries": "", "products":
            [{ "product": "LeakyRelu", "rows": 1, "inner": 1, "columns": 1, "library_microseconds": 1 }] }
        """)]
    [InlineData("""
        { "format": 2, "gpu": "A GPU", "libraries": "", "products":
            [{ "precision": "Fp16", "product": "LeakyRelu", "rows": 1, "inner": 1, "columns": 1, "library_microseconds": 1, "kernel_microseconds": 1 }] }
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

    public static TheoryData<CudaPrecision, string> AllProducts()
    {
        var products = new TheoryData<CudaPrecision, string>();
        foreach (var precision in new[] { CudaPrecision.Bf16, CudaPrecision.Tf32 })
            foreach (var product in Enum.GetNames<ThinProduct>())
                products.Add(precision, product);
        return products;
    }

    [Theory]
    [MemberData(nameof(AllProducts))]
    public void Both_ways_are_measured(CudaPrecision precision, string product)
    {
        using var device = Gpu.Create(precision: precision);
        var times = ProductMeasurement.Measure(device, new ThinProductShape(precision, Enum.Parse<ThinProduct>(product), 3, 20, 16));
        Assert.True(times is { LibraryMicroseconds: > 0, KernelMicroseconds: > 0 });
        Assert.Empty(device.GraphNodes);
    }
}
