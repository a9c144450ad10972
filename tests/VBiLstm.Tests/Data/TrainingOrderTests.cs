using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

/// <summary>Which sequences share which batch, in training and in evaluation.</summary>
public class TrainingOrderTests
{
    // Sequence i begins with token i; of a row in a batch, that is who stands there.
    static ScriptedTokens Numbered(int count, Func<int, int> length, bool carries = false)
        => new(count, [.. Enumerable.Range(0, count).Select(i => Enumerable.Repeat(i, length(i) + 1).ToArray())]) { Carries = carries };

    static int[] Members(SequenceBatch batch) => batch.Tokens[..batch.Sequences];

    static int[] Order(TrainingBatches batches, SequenceBatch batch, long epoch)
    {
        var order = new List<int>();
        for (var i = 0; i < batches.BatchesPerEpoch; i++)
        {
            batches.Read(epoch * batches.BatchesPerEpoch + i, batch);
            order.AddRange(Members(batch));
        }

        return [.. order];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_epoch_repeats_the_order_of_another(bool ragged)
    {
        var data = Numbered(101, i => ragged ? 1 + i % 5 : 3);
        var batches = new TrainingBatches(data, 4, 5);
        var batch = new SequenceBatch(data.MaximumLength, 4, 0);
        var orders = Enumerable.Range(0, 40).Concat([1000, 65_536, 1 << 24]).Select(epoch => Order(batches, batch, epoch)).ToList();
        Assert.All(orders, order => Assert.Equal(Enumerable.Range(0, 101), order.Order()));
        Assert.Equal(orders.Count, orders.Select(order => string.Join(' ', order)).Distinct().Count());
        Assert.Equal(orders[3], Order(batches, batch, 3));

        // Independent orders agree in one place on average; where lengths differ, in one batch of 26 and some of those of its length.
        for (var one = 0; one < orders.Count; one++)
            for (var other = 0; other < one; other++)
                Assert.True(orders[one].Zip(orders[other]).Count(pair => pair.First == pair.Second) < (ragged ? 25 : 10), $"{one} and {other}");
    }

    [Fact]
    public void Every_order_is_as_likely_as_every_other()
    {
        var data = Numbered(4, _ => 2);
        var batches = new TrainingBatches(data, 4, 9);
        var batch = new SequenceBatch(2, 4, 0);
        var counts = Enumerable.Range(0, 4800).GroupBy(epoch => string.Join(' ', Order(batches, batch, epoch))).Select(group => group.Count()).ToList();
        Assert.Equal(24, counts.Count);

        // χ² of 23 degrees of freedom: mean 23, deviation √46.
        Assert.InRange(counts.Sum(count => (count - 200) * (count - 200) / 200.0), 0, 23 + 5 * Math.Sqrt(46));
    }

    [Fact]
    public void Sequences_of_one_length_come_in_the_shuffled_order_and_the_partial_batch_last()
    {
        var data = Numbered(10, _ => 3);
        var batches = new TrainingBatches(data, 4, 5);
        Assert.Equal((3, 3), (batches.BatchesPerEpoch, TrainingBatches.BatchesPerEpochOf(data, 4)));
        Assert.Equal([0, 1 / 3.0, 3], [batches.Epochs(0), batches.Epochs(1), batches.Epochs(9)]);
        Assert.Equal((2, 1), (TrainingBatches.BatchesPerEpochOf(data, 5), TrainingBatches.BatchesPerEpochOf(data, 10)));
        var batch = new SequenceBatch(3, 4, 0);
        foreach (var (step, sequences) in new[] { (0, 4), (1, 4), (2, 2), (5, 2) })
        {
            batches.Read(step, batch);
            Assert.Equal((sequences, false, 3), (batch.Sequences, batch.Continues, batch.Steps));
            Assert.Equal(Enumerable.Range(0, sequences), batch.RowIds[..sequences]);
        }
    }

    [Fact]
    public void Within_a_window_of_64_batches_sequences_are_sorted_by_length_and_the_batches_shuffled()
    {
        var batch = new SequenceBatch(300, 2, 0);
        int[][] Pairs(int count)
        {
            // Lengths 1 to count, none twice.
            var batches = new TrainingBatches(Numbered(count, i => 1 + i * 7 % count), 2, 3);
            return [.. Enumerable.Range(0, batches.BatchesPerEpoch).Select(i =>
            {
                batches.Read(i, batch);
                return batch.Lengths[..batch.Sequences];
            })];
        }

        // One window: neighbours in length share a batch, and the batches come in no order of length.
        var whole = Pairs(128);
        Assert.All(whole, lengths => Assert.Equal(lengths[0] + 1, lengths[1]));
        var rises = whole.Zip(whole.Skip(1)).Count(pair => pair.First[0] < pair.Second[0]);
        Assert.InRange(rises, 64 / 2 - 16, 64 / 2 + 16);

        // Two windows: neighbours are parted, as each window has a random half of the lengths.
        var halves = Pairs(256);
        Assert.InRange(halves.Average(lengths => lengths[1] - lengths[0]), 1.5, 2.5);
        Assert.All(halves, lengths => Assert.True(lengths[0] < lengths[1]));
    }

    [Theory]
    [InlineData(10, 4, new[] { 0, 3, 6, 9, -1, 1, 4, 7, -1, 2, 5, 8 })]
    [InlineData(5, 4, new[] { 0, 2, 4, -1, 1, 3 })]
    [InlineData(6, 2, new[] { 0, 3, -1, 1, 4, -1, 2, 5 })]
    [InlineData(3, 8, new[] { 0, 1, 2 })]
    public void Where_state_is_carried_each_row_reads_consecutive_sequences_in_every_epoch(int sequences, int rows, int[] expected)
    {
        var data = Numbered(sequences, _ => 2, carries: true);
        var training = new TrainingBatches(data, rows, 5);
        var evaluation = new EvaluationBatches(data, rows);
        var batch = new SequenceBatch(2, rows, 0);
        var parts = string.Join(' ', expected).Split(" -1 ").Select(part => part.Split(' ').Select(int.Parse).ToArray()).ToArray();
        Assert.Equal((parts.Length, parts.Length), (training.BatchesPerEpoch, evaluation.Count));
        for (var step = 0; step < 2 * parts.Length; step++)
        {
            var number = step % parts.Length;
            training.Read(step, batch);
            Assert.Equal(parts[number], Members(batch));
            Assert.Equal(number > 0, batch.Continues);
            Assert.Equal(Enumerable.Range(0, batch.Sequences), batch.RowIds[..batch.Sequences]);
            evaluation.Read(number, batch);
            Assert.Equal(parts[number], Members(batch));
            Assert.Equal(number > 0, batch.Continues);
            Assert.Equal(parts[number], batch.RowIds[..batch.Sequences]);
        }
    }

    [Fact]
    public void Evaluation_reads_by_length_and_where_lengths_are_equal_by_number()
    {
        int[] lengths = [3, 1, 2, 1, 3, 2, 1];
        var data = Numbered(7, i => lengths[i]);
        var batches = new EvaluationBatches(data, 3);
        var batch = new SequenceBatch(3, 3, 0) { Continues = true };
        Assert.Equal(3, batches.Count);
        int[][] expected = [[1, 3, 6], [2, 5, 0], [4]];
        for (var number = 0; number < 3; number++)
        {
            batches.Read(number, batch);
            Assert.Equal(expected[number], Members(batch));
            Assert.Equal(expected[number].Max(i => lengths[i]), batch.Steps);
            Assert.False(batch.Continues);
        }

        Assert.Equal([2, 1], [new EvaluationBatches(data, 4).Count, new EvaluationBatches(data, 7).Count]);
    }

    [Fact]
    public void Training_asks_for_the_epoch_s_draw_and_evaluation_for_the_first()
    {
        var data = ScriptedFrames.OfValues([0, 1], [0, 1], [0, 1]);
        var batches = new TrainingBatches(data, 2, 1);
        var batch = new SequenceBatch(1, 2, 1);
        for (var step = 0; step < 6; step++)
            batches.Read(step, batch);
        Assert.Equal([0L, 0, 0, 1, 1, 1, 2, 2, 2], data.Epochs);
        data.Epochs.Clear();
        new EvaluationBatches(data, 3).Read(0, new SequenceBatch(1, 3, 1));
        Assert.Equal([0L, 0, 0], data.Epochs);
    }

    [Fact]
    public void No_rows_are_refused()
    {
        var data = Numbered(3, _ => 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingBatches(data, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EvaluationBatches(data, 0));
    }
}
