using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Devices;
using VBiLstm.Devices.Counting;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Tests;
using VBiLstm.Tests.Model;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>Counts of whole steps against closed forms.</summary>
public class StepBudgetTests
{
    const int T = 23, B = 6;

    // Operations before the first time step: the input projection of lstm, and two clears and the last cell in reverse.
    const int LstmFirst = 1, ReverseFirst = 3;

    static readonly ModelConfiguration Model = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 7,
        VocabularySize = 90,
        EmbeddingSize = 5,
        LstmUnits = 11,
        MlpUnits = 13,
        LatentUnits = 4,
    };

    static StepBudget Count(ModelConfiguration model, int timeSteps = T, CudaPrecision precision = CudaPrecision.Fp32,
        CudaProducts products = CudaProducts.Automatic, int rows = B)
        => StepBudget.Count(new RunConfiguration { Model = model, Training = new TrainingConfiguration { BatchSize = rows } }, timeSteps, precision, products);

    static int Kernels(StepBudget budget, TrainingPhase phase) => budget.Phases.Where(counted => counted.Phase == phase).Sum(counted => counted.Kernels);

    public static TheoryData<ModelKind, OutputDistribution, PriorKind, double, GeneratorInput> Models()
    {
        var models = new TheoryData<ModelKind, OutputDistribution, PriorKind, double, GeneratorInput>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                foreach (var prior in Enum.GetValues<PriorKind>().Where(prior => kind != ModelKind.Srnn || prior == PriorKind.Learned))
                    foreach (var beta in new[] { 0, 0.5 })
                    {
                        models.Add(kind, distribution, prior, beta,
                            kind == ModelKind.VariationalBiLstm && beta > 0 ? GeneratorInput.HZBTilde : GeneratorInput.H);
                    }

        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Arithmetic_is_that_of_the_formula(ModelKind kind, OutputDistribution distribution, PriorKind prior, double beta, GeneratorInput generatorInput)
    {
        var model = Model with { Kind = kind, OutputDistribution = distribution, Prior = prior, Beta = beta, GeneratorInput = generatorInput };

        // The formula counts T steps; the backward LSTM reads T + 1 tokens, frames need no gradient, and neither does the state after the last token that
        // a generator reads.
        long recurrent = 4L * model.LstmUnits * model.LstmUnits, input = 4L * model.LstmUnits * model.InputSize;
        var oneMoreToken = model.HasBackwardLstm ? 2.0 * B * (3 * recurrent + (model.IsCategorical ? 3 : 2) * input) : 0;
        var noStateAfterTheLast = kind is ModelKind.BiLstm or ModelKind.TwinNet ? 2.0 * B * model.LstmUnits * model.MlpUnits : 0;

        // The features of vrnn are those of T + 1 tokens.
        if (kind == ModelKind.Vrnn)
            oneMoreToken = 2.0 * B * (model.IsCategorical ? 3 : 2) * model.InputSize * model.MlpUnits;
        Assert.Equal(SequenceModel.Of(model).TrainingStepOperations(T, B) + oneMoreToken - noStateAfterTheLast, Count(model).FloatingPointOperations);
    }

    [Fact]
    public void Projecting_a_small_vocabulary_once_saves_its_projections()
    {
        const int V = 8;
        var model = Model with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = V };
        var formula = SequenceModel.Of(model).TrainingStepOperations(T, B);
        long recurrent = 4L * model.LstmUnits * model.LstmUnits, input = 4L * model.LstmUnits * model.EmbeddingSize;
        var expected = formula + 2.0 * 3 * (B * recurrent - 2 * T * B * input + 2 * V * input);
        Assert.Equal(expected, Count(model).FloatingPointOperations);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, 9, 10)]
    [InlineData(ModelKind.ZForcing, 6, 6)]
    [InlineData(ModelKind.Lstm, 2, 2)]
    [InlineData(ModelKind.BiLstm, 2, 2)]
    [InlineData(ModelKind.Vrnn, 7, 8)]
    [InlineData(ModelKind.Srnn, 7, 7)]
    public void Loops_have_so_many_kernels_a_time_step(ModelKind kind, int forward, int reverse)
    {
        var (shorter, longer) = (Count(Model with { Kind = kind }), Count(Model with { Kind = kind }, T + 1));
        int PerStep(TrainingPhase phase) => Kernels(longer, phase) - Kernels(shorter, phase);
        Assert.Equal((forward, reverse), (PerStep(TrainingPhase.F3), PerStep(TrainingPhase.B5)));

        // A recurrence outside the loops is a product and a cell in each direction: none, the backward LSTM, or srnn's both.
        var recurrences = kind switch { ModelKind.Lstm or ModelKind.Vrnn => 0, ModelKind.Srnn => 2, _ => 1 };
        Assert.Equal(2 * recurrences, PerStep(TrainingPhase.F1) + PerStep(TrainingPhase.F1BackwardLstm));
        Assert.Equal(2 * recurrences, PerStep(TrainingPhase.B7));
        Assert.Equal(longer.Kernels - shorter.Kernels, forward + reverse + 4 * recurrences);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, 5, 5)]
    [InlineData(ModelKind.ZForcing, 3, 3)]
    [InlineData(ModelKind.Lstm, 1, 1)]
    [InlineData(ModelKind.BiLstm, 1, 1)]
    [InlineData(ModelKind.VariationalBiLstm, 10, 10, CudaProducts.Library)]
    [InlineData(ModelKind.VariationalBiLstm, 10, 10, CudaProducts.Kernels, 129)]
    public void Loops_of_thin_products_have_so_many_kernels_a_time_step(ModelKind kind, int forward, int reverse, CudaProducts products = CudaProducts.Kernels,
        int rows = B)
    {
        foreach (var precision in new[] { CudaPrecision.Bf16, CudaPrecision.Tf32 })
        {
            // What bf16 leaves to a library and two kernels, TF32 has in one of float32.
            var narrow = precision == CudaPrecision.Tf32 && forward == 10 ? 1 : 0;
            StepBudget CountOf(int timeSteps) => Count(Model with { Kind = kind }, timeSteps, precision, products, rows);
            var (shorter, longer) = (CountOf(T), CountOf(T + 1));
            Assert.Equal((forward - narrow, reverse), (Kernels(longer, TrainingPhase.F3) - Kernels(shorter, TrainingPhase.F3),
                Kernels(longer, TrainingPhase.B5) - Kernels(shorter, TrainingPhase.B5)));
        }
    }

    // Bytes of each kernel of a loop's first time step, which is so many operations after the phase's first.
    static IEnumerable<long> BytesOfTimeStep(ModelConfiguration model, TrainingPhase phase, int first, int kernels)
        => Count(model, precision: CudaPrecision.Bf16).Phases.Single(counted => counted.Phase == phase).Operations.Skip(first).Take(kernels)
            .Select(operation => operation.Bytes);

    [Fact]
    public void Bytes_of_a_time_step_of_lstm_in_bf16()
    {
        long h = Model.LstmUnits;
        var model = Model with { Kind = ModelKind.Lstm };

        // h and U as operands; the gates read and written; two cells and tanh c; h in both forms.
        Assert.Equal([2 * (B * h + 4 * h * h) + 4 * B * (2 * 4 * h + 3 * h) + 6 * B * h], BytesOfTimeStep(model, TrainingPhase.F3, LstmFirst, 1));

        // The gates' gradients and U; dh; the gates read, written in both forms; the cell before and tanh c; dc read and written.
        Assert.Equal([2 * (4 * B * h + 4 * h * h) + 4 * B * (h + 4 * h + 2 * h + 2 * h) + 6 * B * 4 * h],
            BytesOfTimeStep(model, TrainingPhase.B5, ReverseFirst, 1));
    }

    [Fact]
    public void Bytes_of_a_time_step_of_the_channel_in_bf16()
    {
        long h = Model.LstmUnits, m = Model.MlpUnits, z = Model.LatentUnits;
        var model = Model with { SkipGradient = SkipGradientMode.Off };

        // Operands and weights; float32 read or written; written in both forms, or, of z and b̃, which products alone read, as operands.
        long[] forward =
        [
            2 * (B * h + h * (m + 4 * h)) + 4 * B * (m + 4 * h) + 6 * B * m,
            2 * (B * m + m * 2 * z) + 4 * (2 * z + B * (z + 2 * z)) + 2 * B * z,
            2 * (B * z + z * m) + 4 * m + 6 * B * m,
            2 * (B * m + m * 2 * h) + 4 * (2 * h + B * (h + 2 * h)) + 2 * B * h,
            2 * (B * (z + h) + (z + h) * 4 * h) + 4 * B * (4 * h + 2 * 4 * h + 3 * h) + 6 * B * h,
        ];
        Assert.Equal(forward, BytesOfTimeStep(model, TrainingPhase.F3, first: 0, forward.Length));
        long[] reverse =
        [
            2 * (B * 4 * h + (2 * h + z) * 4 * h) + 4 * B * (h + z + h + 2 * h + 2 * h) + 6 * B * 2 * h,
            2 * (B * 2 * h + m * 2 * h) + 4 * B * m + 6 * B * m,
            2 * (B * m + z * m) + 4 * B * (z + z + z + 2 * z + 2 * z) + 6 * B * 2 * z,
            2 * (B * 2 * z + m * 2 * z) + 4 * B * m + 6 * B * m,
            2 * (B * m + h * m) + 4 * B * (2 * h + 4 * h + 2 * h + 2 * h) + 6 * B * 4 * h,
        ];
        Assert.Equal(reverse, BytesOfTimeStep(model, TrainingPhase.B5, ReverseFirst, reverse.Length));
    }

    [Fact]
    public void A_step_holds_operands_in_bf16()
    {
        var configuration = new RunConfiguration { Model = Model, Training = new TrainingConfiguration { BatchSize = B } };
        var budgets = PrecisionBudgets.Count(configuration, T);
        Assert.InRange(budgets.OperandBytes - 2L * new ParameterLayout(Model).ArenaLength, 0, 63);
        Assert.InRange(budgets.Bf16.Memory.ActivationBytes, budgets.Float32.Memory.ActivationBytes, 3 * budgets.Float32.Memory.ActivationBytes / 2);
        Assert.Equal(budgets.Float32.FloatingPointOperations, budgets.Bf16.FloatingPointOperations);
        Assert.Equal(budgets.Bf16.FloatingPointOperations, budgets.Bf16Library.FloatingPointOperations);
        Assert.Equal(budgets.Float32.FloatingPointOperations, budgets.Tf32.FloatingPointOperations);
        Assert.Equal(budgets.Float32.Memory, budgets.Tf32.Memory);
        Assert.True(budgets.Tf32.Bytes < budgets.Float32.Bytes);
        Assert.True(budgets.Bf16.Kernels < budgets.Float32.Kernels && budgets.Bf16.Kernels < budgets.Bf16Library.Kernels);
        Assert.InRange(budgets.Tf32.Kernels, 1, budgets.Bf16.Kernels);
    }

    [Fact]
    public void The_least_time_is_the_longer_of_arithmetic_and_what_does_not_stay_in_L2()
    {
        var budget = Count(Model);
        var (held, operations) = (budget.Memory.ParameterBytes + budget.Memory.ActivationBytes, budget.FloatingPointOperations);
        var gpu = new GpuSpecification("round", "Round", 1000, 10, 100, 200, 0, 5000, new NodeLink("NVLink", 100), 100, 100);
        Assert.Equal(2 * held / 1e12, budget.LeastSeconds(gpu, CudaPrecision.Tf32), 1e-12);
        Assert.Equal(operations / 200e12, budget.LeastSeconds(gpu with { L2Megabytes = 50 }, CudaPrecision.Bf16), 1e-15);
        Assert.Equal(operations / 10e12, budget.LeastSeconds(gpu with { L2Megabytes = 50 }, CudaPrecision.Fp32), 1e-15);
    }

    [Fact]
    public void A_resident_loop_does_the_same_arithmetic_and_reads_its_weights_once()
    {
        var gpu = GpuSpecification.Get("h100-sxm");
        var configuration = new RunConfiguration { Model = Model, Training = new TrainingConfiguration { BatchSize = 4 } };
        var steps = StepBudget.Count(configuration, T, CudaPrecision.Bf16);
        var resident = StepBudget.Count(configuration, T, CudaPrecision.Bf16, residentOn: gpu);
        Assert.Equal(steps.FloatingPointOperations, resident.FloatingPointOperations, 1e-6 * steps.FloatingPointOperations);
        Assert.True(resident.Bytes < steps.Bytes);
        foreach (var phase in new[] { TrainingPhase.F3, TrainingPhase.B5 })
            Assert.Equal(5 * T, resident.Phases.Single(counted => counted.Phase == phase).Operations.Sum(operation => operation.GridBarriers));
    }

    [Fact]
    public void No_paper_model_is_estimated_to_take_less_than_the_least()
        => Assert.All(PaperModel.All, paper =>
        {
            var budgets = PrecisionBudgets.Count(paper.Configuration, paper.TimeSteps);
            Assert.All(GpuSpecification.All, gpu =>
            {
                Assert.True(budgets.Float32.Seconds(gpu, CudaPrecision.Tf32) > budgets.Float32.LeastSeconds(gpu, CudaPrecision.Tf32));
                Assert.True(budgets.Bf16.Seconds(gpu, CudaPrecision.Bf16) > budgets.Bf16.LeastSeconds(gpu, CudaPrecision.Bf16));
            });
        });

    // 1000 GB/s, so that a microsecond moves a megabyte; 2 µs to start a kernel.
    static readonly GpuSpecification Plain = GpuSpecification.Get("h100-sxm") with { GigabytesPerSecond = 1000, L2Megabytes = 0 };

    static double Microseconds(params CountedOperation[] operations)
    {
        var empty = Count(Model);
        var budget = empty with
        {
            Phases = [new PhaseBudget(TrainingPhase.F4, 0, operations)],
            Operations = [.. operations.Select(operation => (TrainingPhase.F4, operation))],
        };
        return 1e6 * budget.Seconds(Plain, CudaPrecision.Fp32);
    }

    static CountedOperation Of(double megabytes, bool isInBranch = false, int joins = 0)
        => new("", 1, (long)(1e6 * megabytes), 0, IsInBranch: isInBranch, Joins: joins);

    [Fact]
    public void A_branch_takes_the_time_in_which_the_main_line_only_starts_kernels()
    {
        // Three small kernels leave 2 µs each of which 1 µs is busy, so that 3 of 10 µs are done before the join.
        Assert.Equal(6 + 7 + 2, Microseconds(Of(10, isInBranch: true), Of(1), Of(1), Of(1), Of(0, joins: 1)), 1e-6);

        // Kernels whose blocks wait for each other leave none.
        Assert.Equal(1 + (4 * 1.5) + 10 + 2, Microseconds(Of(10, isInBranch: true), Of(1) with { GridBarriers = 4 }, Of(0, joins: 1)), 1e-6);

        // Hidden altogether, as long as the main line has room for it.
        Assert.Equal(8, Microseconds(Of(3, isInBranch: true), Of(0), Of(0), Of(0), Of(0, joins: 1)), 1e-6);

        // Behind a large kernel nothing hides.
        Assert.Equal(5 + 3 + 2, Microseconds(Of(3, isInBranch: true), Of(5), Of(0, joins: 1)), 1e-6);

        // What comes before a branch, or after the join, has no part in it; a branch that nothing follows takes its own time.
        Assert.Equal(2 + 3 + 2, Microseconds(Of(0), Of(3, isInBranch: true), Of(0, joins: 1)), 1e-6);
        Assert.Equal(2 + 3, Microseconds(Of(0), Of(3, isInBranch: true)), 1e-6);

        // Two branches are one after the other.
        Assert.Equal(4 + 1 + 2, Microseconds(Of(3, isInBranch: true), Of(0), Of(2, isInBranch: true), Of(0), Of(0, joins: 1)), 1e-6);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.TwinNet)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Branches_save_no_more_than_what_is_in_them(ModelKind kind)
    {
        var budget = Count(Model with { Kind = kind });
        var (seconds, inLine) = (budget.Seconds(Plain, CudaPrecision.Fp32), budget.SecondsInLine(Plain, CudaPrecision.Fp32));
        var branches = budget.Operations.Where(counted => counted.Operation.IsInBranch).Sum(counted => Plain.Seconds(counted.Operation, CudaPrecision.Fp32));
        Assert.InRange(seconds, inLine - branches - 1e-9, inLine - 1e-9);
        Assert.Equal(budget.Kernels, budget.Operations.Sum(counted => counted.Operation.Kernels));
    }

    [Fact]
    public void Kernels_of_every_phase()
    {
        var budget = Count(Model with { Beta = 1 });
        var expected = new Dictionary<TrainingPhase, int>
        {
            // ε, ε′, m.
            [TrainingPhase.F2Noise] = 3,

            // Two slots cleared, the input projection, a product and a cell for each token.
            [TrainingPhase.F1BackwardLstm] = 2 + 1 + 2 * (T + 1),
            [TrainingPhase.F2] = 2,
            [TrainingPhase.F3] = 9 * T,

            // Three nets of three kernels, four densities, four sums and J.
            [TrainingPhase.F4] = 9 + 4 + 5,

            // Density, weight gradient and bias sum of two layers, φ′, two products back, two clears.
            [TrainingPhase.B1] = 1 + 4 + 1 + 2 + 2,

            // KL; the net as above with one product back inside, φ′ with the mask; the product into h.
            [TrainingPhase.B2] = 1 + 6 + 1,
            [TrainingPhase.B3] = 1 + 6 + 1,
            [TrainingPhase.B4] = 1,
            [TrainingPhase.B5] = 2 + 10 * T,

            // Four weights of the LSTM, two each of q's hidden layer, one each of q's output and both layers of ψ; a bias for each of the five.
            [TrainingPhase.B6] = 4 + 2 + 1 + 2 + 5,

            // A slot and two states cleared, the product from q, a cell and a product for each token, two weight gradients and a bias.
            [TrainingPhase.B7] = 1 + 1 + 2 + 2 * (T + 1) + 3,

            // The norm in two, the guard, Adam.
            [TrainingPhase.Adam] = 4,
        };
        Assert.Equal(expected, budget.Phases.ToDictionary(phase => phase.Phase, phase => phase.Kernels));
    }

    [Fact]
    public void Host_calls_and_bytes()
    {
        var budget = Count(Model);

        // At once nine coefficients of terms, eight more scalars and the noise key, row ids, validity, loss weights and frames; one graph; the metrics.
        Assert.Equal(1 + 1 + 1, budget.HostLaunches);
        Assert.Equal(4 * (Lines(9 + 8 + 3) + Lines(B) + Lines((T + 1) * B) + Lines(T * B) + (T + 1) * B * 7), budget.UploadedBytes);
        Assert.Equal(4 * (9 + 2), budget.DownloadedBytes);

        // Each part begins at a multiple of 64 bytes.
        static int Lines(int words) => (words + 15) / 16 * 16;
    }

    [Fact]
    public void Every_paper_model_can_be_counted()
        => Assert.All(PaperModel.All, paper =>
        {
            var model = paper.Configuration.Model;
            var operations = StepBudget.Count(paper.Configuration, paper.TimeSteps).FloatingPointOperations;
            Assert.InRange(operations / SequenceModel.Of(model).TrainingStepOperations(paper.TimeSteps, paper.Configuration.Training.BatchSize), 0.9, 1.1);
        });
}
