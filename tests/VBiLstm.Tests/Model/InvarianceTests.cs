using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>What must not change a score, and what must.</summary>
[Trait("Runs", "without AVX2")]
public class InvarianceTests
{
    const int T = 6, B = 4;

    static readonly ModelConfiguration Bernoulli = ReferenceTests.Small(ModelKind.VariationalBiLstm, OutputDistribution.Bernoulli) with
    {
        FrameSize = 5,
        LstmUnits = 19,
        MlpUnits = 17,
        LatentUnits = 6,
    };

    static ModelConfiguration Model(OutputDistribution distribution) => Bernoulli with { OutputDistribution = distribution, VocabularySize = 9 };

    public static TheoryData<OutputDistribution> Distributions => [.. Enum.GetValues<OutputDistribution>()];

    [Theory]
    [MemberData(nameof(Distributions))]
    public void Prior_mode_does_not_see_the_future_and_the_posterior_does(OutputDistribution distribution)
    {
        var model = Model(distribution);
        using var device = new CpuDevice(2);
        using var parameters = Random(device, model);
        var batch = Batch(model, seed: 3);
        var changed = Batch(model, seed: 3);
        ChangeToken(changed, T);

        // Steps 1..T-1 do not read s_T in prior mode: cut the last one off and the scores must keep every bit.
        using var prior = new PriorMode(device, parameters, B, sampled: true);
        (batch.Steps, changed.Steps) = (T - 1, T - 1);
        Assert.Equal(PriorModeScore.Score(prior, batch), PriorModeScore.Score(prior, changed));
        (batch.Steps, changed.Steps) = (T, T);
        Assert.NotEqual(PriorModeScore.Score(prior, batch), PriorModeScore.Score(prior, changed));

        var before = PosteriorKl(device, parameters, batch);
        var after = PosteriorKl(device, parameters, changed);
        Assert.NotEqual(before[..B], after[..B]);
    }

    [Fact]
    public void A_bilstm_reads_everything_but_its_target()
    {
        const int Changed = 3;
        var model = Model(OutputDistribution.Gaussian) with { Kind = ModelKind.BiLstm };
        var inputs = ReferenceInputs.Random(model, T, B, 2);
        using var device = new CpuDevice(2);
        using var run = new StepRun(device, model, ReferenceParameters.Random(model, 1), inputs);
        float[] Outputs()
        {
            run.Step.Forward();
            var outputs = new float[T * B * model.OutputSize];
            device.Download(run.Step.Find("output"), outputs);
            return outputs;
        }

        var before = Outputs();
        var frames = inputs.Frames.ToArray();
        for (var i = 0; i < B * model.FrameSize; i++)
            frames[Changed * B * model.FrameSize + i] += 1;
        run.Load(inputs with { Frames = frames });
        var after = Outputs();
        for (var t = 1; t <= T; t++)
        {
            var step = new Range((t - 1) * B * model.OutputSize, t * B * model.OutputSize);
            Assert.Equal(t == Changed, before.AsSpan(step).SequenceEqual(after.AsSpan(step)));
        }
    }

    [Theory]
    [MemberData(nameof(Distributions))]
    public void Padding_changes_no_score_and_no_gradient(OutputDistribution distribution)
    {
        var model = Model(distribution);
        var parameters = ReferenceParameters.Random(model, 1);
        var inputs = ReferenceInputs.Random(model, T, B, 2) with { Lengths = [T, 2, 1, 4] };
        using var device = new CpuDevice(2);
        using var run = new StepRun(device, model, parameters, inputs);
        var (scores, gradients) = ScoreAndGradient(run);

        run.Load(WithOtherPadding(inputs, model));
        var (otherScores, otherGradients) = ScoreAndGradient(run);
        Assert.Equal(scores, otherScores);
        Assert.Equal(gradients, otherGradients);
    }

    [Fact]
    public void A_shorter_batch_after_a_longer_one_has_the_bits_of_a_fresh_step()
    {
        var model = Model(OutputDistribution.Gaussian);
        var parameters = ReferenceParameters.Random(model, 1);
        var (longer, shorter) = (ReferenceInputs.Random(model, T, B, 2), ReferenceInputs.Random(model, 3, B, 5));
        using var device = new CpuDevice(2);
        using var used = new StepRun(device, model, parameters, longer);
        ScoreAndGradient(used);
        used.Load(shorter);
        using var fresh = new StepRun(device, model, parameters, shorter, maximumSteps: T);
        var (scores, gradients) = ScoreAndGradient(used);
        var (freshScores, freshGradients) = ScoreAndGradient(fresh);
        Assert.Equal(freshScores, scores);
        Assert.Equal(freshGradients, gradients);
    }

    [Fact]
    public void The_reported_bound_has_kl_weight_one_and_no_auxiliary_terms()
    {
        var inputs = ReferenceInputs.Random(Bernoulli, T, B, 2);
        var parameters = ReferenceParameters.Random(Bernoulli, 1);
        var expected = ReferenceModel.Evaluate(Bernoulli with { KlWeight = 1, Alpha = 0, Beta = 0, Gamma = 0 }, parameters, inputs).Total.Value[0];
        using var device = new CpuDevice(2);
        foreach (var model in new[] { Bernoulli, Bernoulli with { KlWeight = 0.1, Alpha = 5, Beta = 0, Gamma = 3 } })
        {
            using var run = new StepRun(device, model, parameters, inputs);
            run.Step.Forward();
            var metrics = run.Step.ReadMetrics();
            Assert.Equal(-expected, metrics.Bound, 1e-4);
            Assert.True(Math.Abs(metrics.Objective - expected) > 0.1, "The training objective should differ from the bound here.");
        }
    }

    [Fact]
    public void The_step_has_the_same_bits_at_any_number_of_threads()
    {
        var model = Bernoulli with { LstmUnits = 130, MlpUnits = 70, LatentUnits = 33, FrameSize = 28 };
        var parameters = ReferenceParameters.Random(model, 1);
        var inputs = ReferenceInputs.Random(model, 9, 33, 2, ragged: true);
        float[]? expected = null;
        foreach (var threads in new[] { 1, 2, 3 })
        {
            using var device = new CpuDevice(threads);
            using var run = new StepRun(device, model, parameters, inputs);
            run.Step.Apply(new StepSettings(5, 6, 0.01, model.KlWeight, model.Alpha, model.Beta));
            run.Step.DrawNoise();
            var (_, gradients) = ScoreAndGradient(run);
            run.Step.Update();
            float[] actual = [.. gradients, .. run.Read(run.Parameters.Values)];
            expected ??= actual;
            Assert.Equal(expected, actual);
        }
    }

    static (double[] Scores, float[] Gradients) ScoreAndGradient(StepRun run)
    {
        var (nll, kl) = (new double[B], new double[B]);
        if (run.Step.BatchSize != B)
            (nll, kl) = (new double[run.Step.BatchSize], new double[run.Step.BatchSize]);
        run.Step.Forward();
        run.Step.SequenceScores(nll, kl, []);
        run.Step.Backward();
        return ([.. nll, .. kl], run.Read(run.Parameters.Gradients));
    }

    static double[] PosteriorKl(CpuDevice device, ModelParameters parameters, SequenceBatch batch)
    {
        using var step = new TrainingStep(device, parameters, T, B, training: null);
        step.Load(batch);
        step.Apply(StepSettings.OfEvaluation(1, 1));
        step.DrawNoise();
        step.Forward();
        var kl = new float[T * B];
        device.Download(step.Find("kl"), kl);
        return Array.ConvertAll(kl, value => (double)value);
    }

    static ModelParameters Random(CpuDevice device, ModelConfiguration model)
    {
        var parameters = new ModelParameters(device, model, training: true);
        foreach (var (name, variable) in ReferenceParameters.Random(model, 4))
            device.Upload(Array.ConvertAll(variable.Value, value => (float)value), parameters.Value(name));
        return parameters;
    }

    static SequenceBatch Batch(ModelConfiguration model, int seed)
    {
        var inputs = ReferenceInputs.Random(model, T, B, seed);
        var batch = new SequenceBatch(T, B, model.IsCategorical ? 0 : model.FrameSize) { Steps = T, Sequences = B };
        Array.ConvertAll(inputs.Frames, value => (float)value).CopyTo(batch.Frames, 0);
        inputs.Tokens.CopyTo(batch.Tokens, 0);
        Array.Fill(batch.Lengths, T);
        for (var n = 0; n < B; n++)
            batch.RowIds[n] = n;
        return batch;
    }

    static void ChangeToken(SequenceBatch batch, int k)
    {
        for (var i = k * B; i < (k + 1) * B; i++)
        {
            if (batch.FrameSize == 0)
                batch.Tokens[i] = (batch.Tokens[i] + 1) % 9;
            for (var d = 0; d < batch.FrameSize; d++)
                batch.Frames[i * batch.FrameSize + d] = 1 - batch.Frames[i * batch.FrameSize + d];
        }
    }

    static ReferenceInputs WithOtherPadding(ReferenceInputs inputs, ModelConfiguration model)
    {
        var other = ReferenceInputs.Random(model, T, B, 99);
        double[] Mix(double[] kept, double[] padding, int firstStep)
        {
            var width = kept.Length / ((T + 1 - firstStep) * B);
            return [.. kept.Select((value, i) => i / width / B + firstStep <= inputs.Lengths[i / width % B] ? value : padding[i])];
        }

        return inputs with
        {
            Frames = inputs.Frames.Length > 0 ? Mix(inputs.Frames, other.Frames, 0) : [],
            Tokens = [.. inputs.Tokens.Select((id, i) => i / B <= inputs.Lengths[i % B] ? id : other.Tokens[i])],
            EpsilonZ = Mix(inputs.EpsilonZ, other.EpsilonZ, 1),
            EpsilonB = Mix(inputs.EpsilonB, other.EpsilonB, 1),
            SkipMask = Mix(inputs.SkipMask, other.SkipMask, 1),
        };
    }
}
