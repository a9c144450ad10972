using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Devices;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm bench --tune</c>.</summary>
static class TunedProducts
{
    public static int Run(Device device, RunConfiguration configuration, int timeSteps, bool asJson, CancellationToken cancellation)
    {
        if (device is not CudaDevice { HasThinKernels: true, Options.Products: CudaProducts.Automatic } gpu)
        {
            throw new ConfigurationException("--tune measures products of TF32 or bf16: use --device cuda with --precision tf32 or bf16, without --products, "
                + "on a GPU of compute capability 8.0 or later.");
        }

        using (var step = new StepBenchmark(gpu, configuration, timeSteps))
            step.Run(recorded: false);
        var path = ProductTable.PathOf(gpu.Gpu.Name);
        var table = ProductTable.Read(path, gpu.Gpu.Name) ?? new ProductTable();
        var shapes = gpu.ThinProducts.ToList();
        if (!asJson)
            Console.WriteLine($"{"product",-28}{"rows",6}{"inner",7}{"columns",9}{"library, us",13}{"kernel, us",12}");
        foreach (var shape in shapes)
        {
            cancellation.ThrowIfCancellationRequested();
            var times = ProductMeasurement.Measure(gpu, shape);
            table.Add(shape, times);
            if (!asJson)
            {
                Console.WriteLine($"{shape.Product,-28}{shape.Rows,6}{shape.Inner,7}{shape.Columns,9}{times.LibraryMicroseconds,13:N1}"
                    + $"{times.KernelMicroseconds,12:N1}");
            }
        }

        table.Write(path, gpu.Gpu.Name, gpu.Name);
        var kernels = shapes.Count(shape => table.PrefersKernel(shape) == true);
        if (!asJson)
        {
            Console.WriteLine($"{kernels:N0} of {shapes.Count:N0} go through the kernels from now on; kept in {path}");
            return CommandExecution.Success;
        }

        JsonOutput.Write(json =>
        {
            json.WriteString("path", path);
            json.WriteStartArray("products");
            foreach (var shape in shapes)
            {
                json.WriteStartObject();
                json.WriteString("product", shape.Product.ToString());
                json.WriteNumber("rows", shape.Rows);
                json.WriteNumber("inner", shape.Inner);
                json.WriteNumber("columns", shape.Columns);
                json.WriteNumber("library_us", table.Times[shape].LibraryMicroseconds);
                json.WriteNumber("kernel_us", table.Times[shape].KernelMicroseconds);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
        return CommandExecution.Success;
    }
}
