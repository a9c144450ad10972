using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Noise;

namespace VBiLstm.Evaluation;

/// <summary>How z and b̃ are taken when data are scored.</summary>
public enum LatentMode
{
    /// <summary>Sampled: the bound.</summary>
    Sampled,

    /// <summary>At their means: a deterministic predictor's score, not a bound of this model.</summary>
    Mean,

    /// <summary>In prior mode, all at the mean that the posterior has over training data, whatever the prior says: what is left without the channel.</summary>
    EmpiricalMean,
}

/// <summary>
/// Scores a split with the posterior (model.md sections 2.5 and 12). The noise of a sequence is keyed by its number in the data set and
/// never by the run's seed or the batch, so figures do not move with batch size or seed.
/// </summary>
sealed class Evaluator
{
    internal const long NoiseSeed = 20171116;
    const double ActiveVariance = 0.01;

    readonly TrainingStep _step;
    readonly SequenceModel _model;
    readonly int _batchSize, _shardSize;
    readonly Communicator _ranks;

    /// <param name="step">
    /// A step large enough for the longest sequence; its initial state is reset. Where its batch has room for several shards, they are scored side by side,
    /// and of importance samples as many at once as it has; no figure depends on either.
    /// </param>
    /// <param name="batchSize">
    /// Sequences of a batch, which are scored in shards where a shard has fewer; null for a shard's. Where state is carried, figures depend on it.
    /// </param>
    /// <param name="ranks">
    /// Those that share out the shards and all call the same; null for this process alone. Any number of them comes to the same figures; where state is
    /// carried, no more than there are shards have something to do.
    /// </param>
    /// <param name="shardSize">Sequences of a shard; null for as many as a batch of the step has.</param>
    public Evaluator(TrainingStep step, int? batchSize = null, Communicator? ranks = null, int? shardSize = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        _shardSize = shardSize ?? step.Sequences;
        _batchSize = batchSize ?? _shardSize;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_batchSize, nameof(batchSize));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_shardSize, nameof(shardSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_shardSize, step.Sequences, nameof(shardSize));
        _step = step;
        _ranks = ranks ?? Communicator.Alone;
        _model = step.Model;
    }

    /// <summary>A step for evaluations of a split that computes as much side by side as pays.</summary>
    /// <param name="device">Where it runs; must own the parameters.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="data">The split.</param>
    /// <param name="batchSize">Sequences of a batch.</param>
    /// <param name="shardSize">Sequences of a shard of a batch.</param>
    /// <param name="importanceSamples">K; 0 for none.</param>
    /// <param name="ranks">Those that share out the shards; null for this process alone.</param>
    /// <exception cref="InsufficientMemoryException">The activations do not fit.</exception>
    public static TrainingStep CreateStep(Device device, ModelParameters parameters, SequenceDataset data, int batchSize, int shardSize,
        int importanceSamples = 0, Communicator? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(data);
        if (data.CarriesState)
            return new TrainingStep(device, parameters, data.MaximumLength, shardSize, training: null);
        var batches = (data.Count + batchSize - 1) / batchSize;
        var lanes = new Lanes(batches, (batchSize + shardSize - 1) / shardSize, Carries: false, (ranks ?? Communicator.Alone).Size);
        var sizes = EvaluationSizes.Choose(device, parameters.Model, data.MaximumLength, shardSize, lanes.PerRank, importanceSamples);
        return new TrainingStep(device, parameters, data.MaximumLength, sizes.Shards * shardSize, sizes.Samples, data.HasEqualLengths);
    }

    /// <summary>Evaluates the whole split.</summary>
    /// <param name="data">The split.</param>
    /// <param name="mode">Sampled or mean latents.</param>
    /// <param name="importanceSamples">K trajectories per sequence for the importance-weighted bound; 0 for none. Sampled mode only.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="each">Told of each sequence that this rank scores, in the order in which they are scored.</param>
    /// <param name="cancellation">Stops between passes over as many batches as fit.</param>
    /// <exception cref="ConfigurationException">K with mean latents, or above 1 where state is carried.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public EvaluationResult Evaluate(SequenceDataset data, LatentMode mode = LatentMode.Sampled, int importanceSamples = 0,
        Action<double>? progress = null, Action<SequenceScore>? each = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (mode == LatentMode.EmpiricalMean)
            throw new ConfigurationException("Latents at their empirical mean are a mode of the prior, not of the posterior.");
        if (importanceSamples < 0 || (importanceSamples > 0 && mode == LatentMode.Mean))
            throw new ConfigurationException("The importance-weighted bound needs sampled latents and a positive number of samples.");

        if (importanceSamples > 1 && data.CarriesState)
            throw new ConfigurationException("The importance-weighted bound needs sequences of their own; these windows carry their state. "
                + "Set data.carry_state=false, or leave the samples out.");
        using var claim = _step.Claim();
        var batches = new EvaluationBatches(data, _batchSize);
        var lanes = new Lanes(batches.Count, (_batchSize + _shardSize - 1) / _shardSize, data.CarriesState, _ranks.Size);

        // A lane of carried state is walked batch by batch.
        var together = data.CarriesState ? 1 : _step.Sequences / _shardSize;
        var batch = new SequenceBatch(_step.MaximumSteps, _step.Sequences, data.FrameSize);
        var shards = new (int Batch, int Shard)[together];
        var sums = new Sums(LatentUnits, lanes.AreInOrder ? together : lanes.PerRank);
        var total = sums.Zeros();
        var (nll, kl, logWeight) = (new double[_step.BatchSize], new double[_step.BatchSize], new double[_step.BatchSize]);
        var (firstNll, firstKl) = (new double[_step.Sequences], new double[_step.Sequences]);

        // Without a latent all trajectories are the same one.
        var trajectories = _model.HasLatent ? Math.Max(1, importanceSamples) : 1;
        var logWeights = new double[checked(trajectories * _step.Sequences)];
        for (var slot = 0; slot < lanes.PerRank; slot += together)
        {
            StopWhereCancelled();
            var count = 0;
            while (count < together && slot + count < lanes.PerRank && lanes.At(_ranks.Rank, slot + count) is { } shard)
                shards[count++] = shard;
            if (count == 0)
                continue;
            if (data.CarriesState)
                batches.Read(shards[0].Batch, batch, shards[0].Shard);
            else
                batches.Read(shards.AsSpan(0, count), _shardSize, batch);
            if (batch.Continues)
                _step.CarryState();
            else
                _step.ResetState();
            _step.Load(batch);
            for (var k = 0; k < trajectories; k += _step.Samples)
            {
                if (_ranks.Size == 1)
                    cancellation.ThrowIfCancellationRequested();
                _step.Score(StepSettings.OfEvaluation(NoiseSeed, k), drawsNoise: mode == LatentMode.Sampled);
                _step.SequenceScores(nll, kl, importanceSamples > 0 ? logWeight : []);
                if (k == 0)
                {
                    nll.AsSpan(0, _step.Sequences).CopyTo(firstNll);
                    kl.AsSpan(0, _step.Sequences).CopyTo(firstKl);
                    for (var i = 0; i < count; i++)
                    {
                        var first = i * _shardSize;
                        var sum = sums.Of(lanes.AreInOrder ? i : slot + i);
                        sum[Sums.Nll] = Sum(nll.AsSpan(first, _shardSize), batch.Lengths.AsSpan(first));
                        sum[Sums.Kl] = Sum(kl.AsSpan(first, _shardSize), batch.Lengths.AsSpan(first));
                        _step.LatentStatistics(first, _shardSize, sums.KlPerLatent(sum), sums.Mean(sum), sums.MeanSquare(sum));
                    }
                }

                if (importanceSamples > 0)
                {
                    var rows = Math.Min(_step.Samples, trajectories - k) * _step.Sequences;
                    for (var row = 0; row < rows; row++)
                        logWeights[row % _step.Sequences * trajectories + k + row / _step.Sequences] = logWeight[row] - nll[row];
                }

                progress?.Invoke((slot + count * Math.Min(1, (k + _step.Samples) / (double)trajectories)) / lanes.PerRank);
            }

            for (var i = 0; i < count; i++)
            {
                var sum = sums.Of(lanes.AreInOrder ? i : slot + i);
                if (importanceSamples > 0)
                {
                    for (var row = i * _shardSize; row < (i + 1) * _shardSize; row++)
                        if (batch.Lengths[row] > 0)
                            sum[Sums.ImportanceWeighted] += LogMeanExp.Of(logWeights.AsSpan(row * trajectories, trajectories));
                }

                if (lanes.AreInOrder)
                    Sums.Move(sum, total);
            }

            for (var row = 0; row < _step.Sequences; row++)
                if (batch.Lengths[row] > 0)
                    each?.Invoke(new SequenceScore(batch.RowIds[row], firstNll[row], firstKl[row],
                        importanceSamples > 0 ? LogMeanExp.Of(logWeights.AsSpan(row * trajectories, trajectories)) : null));
        }

        // The last pass may be the only one.
        StopWhereCancelled();
        if (!lanes.AreInOrder)
            sums.AddAll(_ranks, lanes, total);
        return Result(data, mode, importanceSamples, sums, total);

        // A rank that is cancelled ends all, at the same place.
        void StopWhereCancelled()
        {
            if (_ranks.Any(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
        }
    }

    // Over the rows with a sequence.
    static double Sum(ReadOnlySpan<double> values, ReadOnlySpan<int> lengths)
    {
        var sum = 0.0;
        for (var row = 0; row < values.Length; row++)
            if (lengths[row] > 0)
                sum += values[row];
        return sum;
    }

    // Who scores what: where state is carried, a shard of all batches, one after the other, is a lane; else each shard of each batch is one. Ranks take the
    // lanes in turn, so that any number of them suits.
    readonly record struct Lanes(int Batches, int Shards, bool Carries, int Ranks)
    {
        int Count => Carries ? Shards : checked(Shards * Batches);

        int Length => Carries ? Batches : 1;

        // Places of a rank, of which the last may be empty.
        public int PerRank => checked((Count + Ranks - 1) / Ranks * Length);

        // One process scores in the order in which sums are added.
        public bool AreInOrder => Ranks == 1 && (Shards == 1 || !Carries);

        public (int Batch, int Shard)? At(int rank, int slot)
        {
            var (lane, place) = (slot / Length * Ranks + rank, slot % Length);
            if (lane >= Count)
                return null;
            return Carries ? (place, lane) : (lane / Shards, lane % Shards);
        }

        public (int Rank, int Slot) Of(int batch, int shard)
        {
            var lane = Carries ? shard : batch * Shards + shard;
            return (lane % Ranks, lane / Ranks * Length + (Carries ? batch : 0));
        }
    }

    int LatentUnits => _model.HasLatent ? _model.Configuration.LatentUnits : 0;

    EvaluationResult Result(SequenceDataset data, LatentMode mode, int importanceSamples, Sums sums, double[] total)
    {
        var tokens = Enumerable.Range(0, data.Count).Sum(index => (long)data.Length(index));
        var active = 0;
        var means = new double[LatentUnits];
        for (var j = 0; j < means.Length; j++)
        {
            means[j] = sums.Mean(total)[j] / tokens;
            if (sums.MeanSquare(total)[j] / tokens - means[j] * means[j] > ActiveVariance)
                active++;
        }

        return new EvaluationResult
        {
            Nll = total[Sums.Nll] / data.Count,
            Kl = total[Sums.Kl] / data.Count,
            ImportanceWeightedBound = importanceSamples > 0 ? total[Sums.ImportanceWeighted] / data.Count : null,
            ImportanceSamples = importanceSamples,
            Sequences = data.Count,
            Tokens = tokens,
            Unit = data.Unit,
            IsBound = (mode == LatentMode.Sampled || !_model.HasLatent) && !_model.ReadsFuture,
            KlPerLatent = [.. sums.KlPerLatent(total).ToArray().Select(kl => kl / tokens)],
            LatentMeans = means,
            ActiveUnits = active,
        };
    }

    // Sums over the sequences of each shard of each batch, side by side so that ranks can exchange them.
    sealed class Sums(int latentUnits, int count)
    {
        public const int Nll = 0, Kl = 1, ImportanceWeighted = 2;
        const int First = 3;

        readonly double[] _values = new double[checked(count * (First + 3 * latentUnits))];

        int Width => First + 3 * latentUnits;

        public Span<double> Of(int index) => _values.AsSpan(index * Width, Width);

        public Span<double> KlPerLatent(Span<double> sum) => sum.Slice(First, latentUnits);

        public Span<double> Mean(Span<double> sum) => sum.Slice(First + latentUnits, latentUnits);

        public Span<double> MeanSquare(Span<double> sum) => sum.Slice(First + 2 * latentUnits, latentUnits);

        public double[] Zeros() => new double[Width];

        // In the order of batches and of the shards in each, whoever computed them.
        public void AddAll(Communicator ranks, in Lanes lanes, double[] total)
        {
            var all = ranks.AllGather<double>(_values);
            for (var batch = 0; batch < lanes.Batches; batch++)
            {
                for (var shard = 0; shard < lanes.Shards; shard++)
                {
                    var (rank, slot) = lanes.Of(batch, shard);
                    Move(all.AsSpan((rank * lanes.PerRank + slot) * Width, Width), total);
                }
            }
        }

        // Adds, and clears for what comes next.
        public static void Move(Span<double> sum, double[] total)
        {
            for (var j = 0; j < total.Length; j++)
                total[j] += sum[j];
            sum.Clear();
        }
    }
}
