using System.Runtime.CompilerServices;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>README.md's program: this file has its lines, and runs them.</summary>
public class LibrarySnippetTests
{
#pragma warning disable xUnit1051 // the lines are the README's
    static (TrainedModel Model, EvaluationResult Test, float[] Drawn) Program(string folder)
    {
        // README
        // Sine waves of 40 values, each from another phase on.
        float[][] waves = [.. Enumerable.Range(0, 600).Select(i => Enumerable.Range(0, 40).Select(t => MathF.Sin(0.3f * t + i)).ToArray())];
        FrameSequences Split(Range range) => new(frameSize: 1, waves[range], behindZeros: true);
        using var data = new DataSplits(Split(..400), Split(400..500), Split(500..), "sine waves");

        var configuration = new RunConfiguration
        {
            Model = new ModelConfiguration { OutputDistribution = OutputDistribution.Gaussian, FrameSize = 1, LstmUnits = 32, MlpUnits = 32, LatentUnits = 8 },
            Training = new TrainingConfiguration { BatchSize = 32, Steps = 300, EvaluateEvery = 100, LearningRate = 0.003 },
        };
        using var device = new CpuDevice(); // or new CudaDevice(new CudaOptions()), of VBiLstm.Cuda
        using var trainer = new Trainer(configuration, data, device);
        using var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, key) => { key.Cancel = true; cancellation.Cancel(); };
        trainer.Run(new Progress(), cancellation.Token);
        trainer.SaveModel(Path.Combine(folder, "waves.safetensors"));

        using var model = new TrainedModel(Path.Combine(folder, "waves.safetensors"), device);
        EvaluationResult test = model.Posterior(data.Test, rows: 50);
        Console.WriteLine($"test: {test.Bound:F1} nats per wave");
        using var prior = new PriorMode(device, model.Parameters, batchSize: 4, sampled: true);
        float[] drawn = Generation.Frames(prior, configuration.Model, steps: 40, seed: 1); // four waves, [4, 40, 1]
        // README
        return (model, test, drawn);
    }
#pragma warning restore xUnit1051

    // README
    sealed class Progress : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step % 100 == 0)
                Console.WriteLine($"step {report.Step}: bound {report.Metrics.Bound:F1} nats, {report.Metrics.GradientNorm:F2} the gradient's norm");
        }

        public void OnEvaluation(EvaluationReport report) => Console.WriteLine($"validation: {report.Result.Bound:F1} nats");
    }

    // README
    static IEnumerable<string> LinesHere(string source)
    {
        var lines = File.ReadAllLines(source);
        var marks = lines.Index().Where(line => line.Item.Trim() == "// README").Select(line => line.Index).ToList();
        return [.. lines[(marks[0] + 1)..marks[1]], "", .. lines[(marks[2] + 1)..(marks[3] - 1)]];
    }

    static string Source([CallerFilePath] string source = "") => source;

    [Fact]
    public void The_readme_has_these_lines()
    {
        var readme = File.ReadAllText(Checkout.At("README.md")).ReplaceLineEndings("\n");
        var block = readme.Split("```csharp\n")[1].Split("\n```")[0].Split('\n');
        Assert.Equal(block.Select(line => line.Trim()),
            LinesHere(Source()).Select(line => line.Trim()
                .Replace("Path.Combine(folder, \"waves.safetensors\")", "\"waves.safetensors\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void They_train_evaluate_save_load_and_draw()
    {
        using var folder = new TemporaryFolder();
        var (model, test, drawn) = Program(folder.Path);

        // A sine wave whose phase is known after a few values can be told ahead; independent values of a sine's spread have -42 nats.
        Assert.True(test.Bound > -30, $"{test.Bound} nats");
        Assert.Equal(4 * 40, drawn.Length);
        Assert.All(drawn, value => Assert.True(float.IsFinite(value)));
        Assert.Equal(300, model.Checkpoint.State.Step);
        Assert.True(File.Exists(Path.Combine(folder.Path, "waves.safetensors")));
    }
}
