using System.CommandLine;
using System.Globalization;
using VBiLstm.Cli.Execution;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;

namespace VBiLstm.Cli.Options;

/// <summary>Where and how a command computes.</summary>
sealed class DeviceOptions
{
    readonly Option<string> _device = new("--device")
    {
        Description = "cpu, cuda (cuda:N for NVIDIA GPU number N) or soft, the software GPU. That one runs the GPU's path on the CPU, slowly. On several "
            + "ranks cuda takes a GPU for each rank of a machine.",
        DefaultValueFactory = _ => "cpu",
    };

    readonly Option<int> _threads = new("--threads")
    {
        Description = "cpu: threads; 0 takes what the batch system gives, else all processors. It looks at OMP_NUM_THREADS, then SLURM_CPUS_PER_TASK, "
            + "then at the processors that this process may use. Results have the same bits at any number.",
        DefaultValueFactory = _ => 0,
    };

    readonly Option<int?> _simd = new("--simd")
    {
        Description = $"cpu: vector width in bits, 128, 256 or 512, of which results do not depend. Default: the widest here, {(int)SimdWidths.Best}.",
    };

    readonly Option<string?> _precision = new("--precision")
    {
        Description = "cuda: what products round their operands to: tf32 (tensor cores; the default), bf16 (tensor cores, half the bytes of weights; sums, "
            + "states and updates stay float32; needs compute capability 8.0) or fp32, nothing.",
    };

    readonly Option<string?> _recurrence = new("--recurrence")
    {
        Description = "cuda: what runs the LSTMs without a channel, cudnn or kernels. Default: cudnn where it is found.",
    };

    readonly Option<string?> _products = new("--products")
    {
        Description = "cuda with --precision tf32 or bf16: what computes products of up to 128 rows, library (cuBLAS) or kernels (the project's, which go on "
            + "with what follows; compute capability 8.0). Default: the faster one where bench --tune has measured on this GPU, else library.",
    };

    readonly Option<string?> _loop = new("--loop")
    {
        Description = "cuda with --precision bf16: what runs the loops over time of variational-bilstm, steps (kernels for each time step; the default) or "
            + "resident (one kernel a loop, whose weights stay in shared memory, where they fit; otherwise steps, and says why).",
    };

    readonly Option<bool> _noGraph = new("--no-graph")
    {
        Description = "cuda: launch a training step's kernels one by one, not as one captured graph. The results have the same bits.",
    };

    readonly Option<bool> _noEarlyStart = new("--no-early-start")
    {
        Description = "cuda: start each kernel when the one before it has ended, also where the GPU can start it earlier (compute capability 9.0). The results "
            + "have the same bits.",
    };

    readonly Option<bool> _noFork = new("--no-fork")
    {
        Description = "cuda: run a training step's kernels in one line, not the gradients of weights beside the loops. The results have the same bits.",
    };

    // What few need; the whole help has them.
    IEnumerable<Option> Fine => [_simd, _precision, _recurrence, _products, _loop, _noGraph, _noEarlyStart, _noFork];

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_device, _threads, .. Fine])
            command.Options.Add(option);
    }

    /// <summary>Those of a command that its short help leaves to the whole.</summary>
    public static IReadOnlyList<Option> Details(Command command)
    {
        var names = new DeviceOptions().Fine.Select(option => option.Name).ToList();
        return [.. command.Options.Where(option => names.Contains(option.Name))];
    }

    /// <summary>Whether the command line says --device.</summary>
    public bool NamesADevice(ParseResult parsed) => parsed.GetResult(_device) is { Implicit: false };

    /// <exception cref="ConfigurationException">A value is out of range, belongs to another device, or this processor lacks the width.</exception>
    /// <exception cref="DeviceException">The device cannot be had.</exception>
    public Device Create(ParseResult parsed) => Create(parsed, () => Environment.ProcessorCount, place: 0);

    /// <summary>The device of one of several ranks, which it has joined.</summary>
    /// <inheritdoc cref="Create(ParseResult)"/>
    public Device Create(ParseResult parsed, RankSession session)
    {
        var device = CreateAlone(parsed, session);
        try
        {
            if (session.Ranks.Size > 1)
                CheckJoins(device, session);
            device.Join(session.Ranks);
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>As that of one of several ranks, but it has joined none.</summary>
    /// <inheritdoc cref="Create(ParseResult)"/>
    public Device CreateAlone(ParseResult parsed, RankSession session)
    {
        var processors = session.Processors;
        return session.Together(() => Create(parsed, () => processors, session.PlaceHere));
    }

    // Whoever is missing or different is found before anyone waits for it.
    static void CheckJoins(Device device, RankSession session)
    {
        session.Agree(("kind of device", $"{device.GetType().Name} {(device as CudaDevice)?.Options.Software}"));
        session.Together(() =>
        {
            device.CheckJoins(session.Ranks);
            return true;
        });
        session.Agree([.. device.SharedByRanks]);
        if (device is CudaDevice { Options.Software: false } gpu && RankAgreement.Shared(session.Ranks, gpu.BusId) is { } shared)
            session.Together<bool>(() => throw new DeviceException($"NCCL needs a GPU for each rank: {shared}. Start as many ranks on a machine as it has GPUs "
                + $"(CUDA shows {CudaDevice.CountGpus(software: false)} here), without a number behind --device cuda."));
    }

    Device Create(ParseResult parsed, Func<int> processors, int place)
    {
        var name = parsed.GetValue(_device)!;
        if (name == "cpu")
            return CreateCpu(parsed, processors);
        foreach (var option in new Option[] { _threads, _simd })
            Refuse(parsed, option, $"--device {name}");
        var options = CudaOptionsOf(parsed, name, place);
        var device = new CudaDevice(options);
        device.Noticed = notice => Console.Error.WriteLine($"vbilstm: {notice}");
        foreach (var notice in device.Notices)
            device.Noticed(notice);
        return device;
    }

    CpuDevice CreateCpu(ParseResult parsed, Func<int> processors)
    {
        foreach (var option in new Option[] { _precision, _recurrence, _products, _loop, _noGraph, _noEarlyStart, _noFork })
            Refuse(parsed, option, "--device cpu");
        var threads = parsed.GetValue(_threads);
        if (threads is < 0 or > 1024)
            throw new ConfigurationException($"--threads is {threads}; use 0 to 1024.");
        if (threads == 0)
            threads = ThreadsOfTheEnvironment() ?? processors();
        if (parsed.GetValue(_simd) is not { } bits)
            return new CpuDevice(threads);
        return SimdWidths.Supported.Contains((SimdWidth)bits)
            ? new CpuDevice(threads, (SimdWidth)bits)
            : throw new ConfigurationException($"--simd is {bits}; this processor has {string.Join(", ", SimdWidths.Supported.Select(width => (int)width))}.");
    }

    // OMP_NUM_THREADS may give a number for each level of nesting.
    static int? ThreadsOfTheEnvironment()
    {
        foreach (var variable in new[] { "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK" })
            if (int.TryParse(Environment.GetEnvironmentVariable(variable)?.Split(',')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var threads)
                && threads is > 0 and <= 1024)
                return threads;
        return null;
    }

    CudaOptions CudaOptionsOf(ParseResult parsed, string name, int place)
    {
        var options = new CudaOptions
        {
            Ordinal = Ordinal(name, place),
            Software = name == "soft",
            Precision = parsed.GetValue(_precision) switch
            {
                null or "tf32" => CudaPrecision.Tf32,
                "fp32" => CudaPrecision.Fp32,
                "bf16" => CudaPrecision.Bf16,
                var other => throw new ConfigurationException($"--precision is '{other}'; use tf32, bf16 or fp32."),
            },
            Recurrence = parsed.GetValue(_recurrence) switch
            {
                null => CudaRecurrence.Automatic,
                "cudnn" => CudaRecurrence.Cudnn,
                "kernels" => CudaRecurrence.Kernels,
                var other => throw new ConfigurationException($"--recurrence is '{other}'; use cudnn or kernels."),
            },
            Products = parsed.GetValue(_products) switch
            {
                null => CudaProducts.Automatic,
                "library" => CudaProducts.Library,
                "kernels" => CudaProducts.Kernels,
                var other => throw new ConfigurationException($"--products is '{other}'; use library or kernels."),
            },
            Loop = parsed.GetValue(_loop) switch
            {
                null or "steps" => CudaLoop.Steps,
                "resident" => CudaLoop.Resident,
                var other => throw new ConfigurationException($"--loop is '{other}'; use steps or resident."),
            },
            UseGraph = !parsed.GetValue(_noGraph),
            StartEarly = !parsed.GetValue(_noEarlyStart),
            UseFork = !parsed.GetValue(_noFork),
        };
        if (options.Precision == CudaPrecision.Fp32)
            Refuse(parsed, _products, "--precision fp32");
        if (options is { Loop: CudaLoop.Resident, Precision: not CudaPrecision.Bf16 })
            throw new ConfigurationException("--loop resident needs --precision bf16: in other precisions the loops' weights fit no GPU's shared memory.");
        return options is { Precision: CudaPrecision.Bf16, Recurrence: CudaRecurrence.Cudnn }
            ? throw new ConfigurationException("--recurrence cudnn does not go with --precision bf16: cuDNN does not round the operands of an LSTM's products "
                + "to bf16, the project's kernels do. Leave --recurrence out, or use --precision tf32.")
            : options;
    }

    // Of a machine's ranks each takes the next GPU. Where a batch system shows each one of its own, all are number 0.
    static int Ordinal(string name, int place)
    {
        if (name is "cuda" or "soft")
            return place == 0 ? 0 : place % Math.Max(1, CudaDevice.CountGpus(software: name == "soft"));
        return name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan("cuda:".Length), out var ordinal)
            ? ordinal
            : throw new ConfigurationException($"--device is '{name}'; use cpu, cuda, cuda:N or soft.");
    }

    static void Refuse(ParseResult parsed, Option option, string device)
    {
        if (parsed.GetResult(option) is { Implicit: false })
            throw new ConfigurationException($"{option.Name} means nothing with {device}; leave it out.");
    }
}
