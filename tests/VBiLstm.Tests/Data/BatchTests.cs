using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;

namespace VBiLstm.Tests.Data;

public class BatchTests
{
    // Sequence i has length lengths[i] and tokens that say which it is.
    sealed class Numbered(int[] lengths) : SequenceDataset
    {
        public override int Count => lengths.Length;

        public override int FrameSize => 0;

        public override int VocabularySize => 1_000_000;

        public override int MaximumLength => lengths.Max();

        public override int Length(int index) => lengths[index];

        public override void Fill(int index, long epoch, SequenceBatch batch, int row)
        {
            for (var k = 0; k <= batch.Steps; k++)
                batch.Tokens[k * batch.BatchSize + row] = k <= lengths[index] ? 1 + index * 100 + k : 0;
        }
    }

    static Numbered Ragged(int count) => new([.. Enumerable.Range(0, count).Select(i => 1 + i * 7 % 23)]);

    static Numbered Equal(int count) => new([.. Enumerable.Repeat(4, count)]);

    static (int[] Tokens, int[] Lengths, int Steps, int Sequences) Copy(SequenceBatch batch)
        => ([.. batch.Tokens], [.. batch.Lengths], batch.Steps, batch.Sequences);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_epoch_has_every_sequence_once_in_an_order_of_its_own(bool ragged)
    {
        var data = ragged ? Ragged(503) : Equal(503);
        var batches = new TrainingBatches(data, 8, 5);
        Assert.Equal(63, batches.BatchesPerEpoch);
        var orders = new List<int[]>();
        var batch = new SequenceBatch(data.MaximumLength, 8, 0);
        for (var epoch = 0; epoch < 3; epoch++)
        {
            var seen = new List<int>();
            for (var i = 0; i < batches.BatchesPerEpoch; i++)
            {
                batches.Read(epoch * batches.BatchesPerEpoch + i, batch);
                seen.AddRange(Enumerable.Range(0, batch.Sequences).Select(row => (batch.Tokens[row] - 1) / 100));
                Assert.Equal(batch.Lengths.Max(), batch.Steps);
                for (var row = 0; row < 8; row++)
                    for (var k = 0; k <= batch.Steps; k++)
                        Assert.Equal(row < batch.Sequences && k <= batch.Lengths[row], batch.Tokens[k * 8 + row] != 0);
            }

            Assert.Equal(Enumerable.Range(0, 503), seen.Order());
            orders.Add([.. seen]);
        }

        Assert.NotEqual(orders[0], orders[1]);
        Assert.NotEqual(orders[1], orders[2]);
    }

    [Theory]
    [InlineData(true, 3)]
    [InlineData(true, 8)]
    [InlineData(false, 2)]
    [InlineData(false, 5)]
    public void Shards_of_a_batch_are_its_rows_in_their_order(bool ragged, int size)
    {
        var data = ragged ? Ragged(60) : Equal(60);
        var (whole, shard) = (new SequenceBatch(data.MaximumLength, 8, 0), new SequenceBatch(data.MaximumLength, size, 0));
        var (batches, sharded) = (new TrainingBatches(data, 8, 5), new TrainingBatches(data, 8, 5));
        var (evaluated, evaluatedShards) = (new EvaluationBatches(data, 8), new EvaluationBatches(data, 8));
        for (var step = 0; step < batches.BatchesPerEpoch; step++)
        {
            foreach (var evaluates in new[] { false, true })
            {
                if (evaluates)
                    evaluated.Read(step, whole);
                else
                    batches.Read(step, whole);
                for (var number = 0; number * size < 8; number++)
                {
                    if (evaluates)
                        evaluatedShards.Read(step, shard, number);
                    else
                        sharded.Read(step, shard, number);
                    Assert.Equal((whole.Steps, whole.Sequences), (shard.Steps, shard.StepSequences));
                    Assert.Equal(Math.Clamp(whole.Sequences - number * size, 0, size), shard.Sequences);
                    for (var row = 0; row < size; row++)
                    {
                        var of = number * size + row;
                        Assert.Equal(of < 8 ? (whole.Lengths[of], whole.RowIds[of]) : (0, 0), (shard.Lengths[row], shard.RowIds[row]));
                        for (var k = 0; k <= whole.Steps; k++)
                            Assert.Equal(of < 8 ? whole.Tokens[k * 8 + of] : 0, shard.Tokens[k * size + row]);
                    }
                }
            }
        }
    }

    // T + 2 rows of B sequences, each of D values or one token and two masks, are numbered in one array.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(7, 0)]
    [InlineData(7, 5)]
    public void Sizes_beyond_an_array_are_refused(int batchSize, int frameSize)
    {
        var values = batchSize * (Math.Max(1, frameSize) + 2);
        var most = Array.MaxLength / values - 2;
        SequenceBatch.CheckSize(most, batchSize, frameSize);
        var message = Assert.Throws<ConfigurationException>(() => SequenceBatch.CheckSize(most + 1, batchSize, frameSize)).Message;
        Assert.Contains("training.batch_size", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sequences_of_one_length_meet_others_in_every_epoch()
    {
        // Two lengths, all of them in one window: sorted by number, the batches would have the same members for ever.
        var data = new Numbered([.. Enumerable.Range(0, 400).Select(i => 1 + i % 2)]);
        var batches = new TrainingBatches(data, 10, 1);
        var batch = new SequenceBatch(data.MaximumLength, 10, 0);
        HashSet<string> Members(int epoch) => [.. Enumerable.Range(0, batches.BatchesPerEpoch).Select(i =>
        {
            batches.Read(epoch * batches.BatchesPerEpoch + i, batch);
            return string.Join(' ', batch.Tokens[..10].Order());
        })];
        Assert.Empty(Members(0).Intersect(Members(1)));
    }

    [Fact]
    public void Padding_is_zero_in_a_batch_used_before()
    {
        var data = DataSource.Open(new DataConfiguration(), 1).Test;
        var batches = new EvaluationBatches(data, 150);
        var batch = new SequenceBatch(data.MaximumLength, 150, data.FrameSize);
        Array.Fill(batch.Frames, 7);
        Array.Fill(batch.RowIds, 7);
        batches.Read(1, batch);
        Assert.Equal(50, batch.Sequences);
        for (var row = 50; row < 150; row++)
        {
            Assert.Equal((0, 0), (batch.Lengths[row], batch.RowIds[row]));
            for (var k = 0; k <= batch.Steps; k++)
                Assert.All(batch.Frames[((k * 150 + row) * 28)..((k * 150 + row + 1) * 28)], value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void Reading_images_binarised_anew_allocates_nothing()
    {
        var data = DataSource.Open(new DataConfiguration { Binarisation = Binarisation.Stochastic }, 1).Train;
        var batches = new TrainingBatches(data, 300, 5);
        var batch = new SequenceBatch(data.MaximumLength, 300, data.FrameSize);
        for (var step = 0; step < 8; step++)
            batches.Read(step, batch);
        Assert.Equal(0, Allocation.Of(() =>
        {
            for (var step = 8; step < 16; step++)
                batches.Read(step, batch);
        }));
    }

    [Fact]
    public void Batches_of_ragged_data_pad_little()
    {
        var data = Ragged(1000);
        var batches = new TrainingBatches(data, 10, 1);
        var batch = new SequenceBatch(data.MaximumLength, 10, 0);
        double real = 0, all = 0;
        for (var i = 0; i < batches.BatchesPerEpoch; i++)
        {
            batches.Read(i, batch);
            real += batch.Lengths.Sum();
            all += batch.Steps * batch.Sequences;
        }

        Assert.True(real / all > 0.9, $"only {real / all:P0} of the steps are real");
    }

    [Fact]
    public void Any_step_can_be_read_directly_and_depends_on_the_seed()
    {
        var data = Ragged(100);
        var sequential = new TrainingBatches(data, 8, 5);
        var batch = new SequenceBatch(data.MaximumLength, 8, 0);
        for (var step = 0; step < 60; step++)
        {
            sequential.Read(step, batch);
            var expected = Copy(batch);
            new TrainingBatches(data, 8, 5).Read(step, batch);
            Assert.Equivalent(expected, Copy(batch));
        }

        sequential.Read(0, batch);
        var first = Copy(batch);
        new TrainingBatches(data, 8, 6).Read(0, batch);
        Assert.NotEqual(first.Tokens, batch.Tokens);
    }

    [Fact]
    public void Evaluation_numbers_its_rows_by_the_data_set()
    {
        var data = Ragged(37);
        var batches = new EvaluationBatches(data, 8);
        var batch = new SequenceBatch(data.MaximumLength, 8, 0);
        var seen = new List<int>();
        for (var i = 0; i < batches.Count; i++)
        {
            batches.Read(i, batch);
            for (var row = 0; row < batch.Sequences; row++)
            {
                Assert.Equal((batch.Tokens[row] - 1) / 100, batch.RowIds[row]);
                seen.Add(batch.RowIds[row]);
            }
        }

        Assert.Equal(Enumerable.Range(0, 37), seen.Order());
    }

    [Fact]
    public void Reading_within_and_across_epochs_allocates_nothing()
    {
        var data = Ragged(100);
        var batches = new TrainingBatches(data, 8, 5);
        var batch = new SequenceBatch(data.MaximumLength, 8, 0);
        for (var step = 0; step < 30; step++)
            batches.Read(step, batch);
        Assert.Equal(0, Allocation.Of(() =>
        {
            for (var step = 30; step < 90; step++)
                batches.Read(step, batch);
        }));
    }
}
