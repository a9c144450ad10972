using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

public class TokenStreamTests
{
    static TokenStream Stream(int tokens, int window, bool carries = true)
        => new([.. Enumerable.Range(0, tokens)], tokens, window, carries, TaskUnit.BitsPerCharacter, "text");

    [Theory]
    [InlineData(2, 1)]
    [InlineData(101, 10)]
    [InlineData(102, 10)]
    [InlineData(110, 10)]
    [InlineData(5, 10)]
    public void Every_token_but_the_first_is_predicted_once_from_the_one_before(int tokens, int window)
    {
        var stream = Stream(tokens, window);
        var predicted = new List<int>();
        var batch = new SequenceBatch(stream.MaximumLength, 1, 0) { Steps = stream.MaximumLength };
        for (var i = 0; i < stream.Count; i++)
        {
            stream.Fill(i, 0, batch, 0);
            for (var t = 1; t <= stream.Length(i); t++)
            {
                Assert.Equal(batch.Tokens[t] - 1, batch.Tokens[t - 1]);
                predicted.Add(batch.Tokens[t]);
            }

            Assert.All(batch.Tokens[(stream.Length(i) + 1)..], padding => Assert.Equal(0, padding));
        }

        Assert.Equal(Enumerable.Range(1, tokens - 1), predicted);
    }

    [Theory]
    [InlineData(1003, 10, 4)]
    [InlineData(1003, 10, 7)]
    [InlineData(32, 10, 8)]
    public void Rows_go_on_where_they_ended_and_an_epoch_has_every_token_once(int tokens, int window, int batchSize)
    {
        var stream = Stream(tokens, window);
        var batches = new TrainingBatches(stream, batchSize, seed: 3);
        var batch = new SequenceBatch(stream.MaximumLength, batchSize, 0);
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var predicted = new List<int>();
            var last = new int[batchSize];
            for (var i = 0; i < batches.BatchesPerEpoch; i++)
            {
                batches.Read((long)epoch * batches.BatchesPerEpoch + i, batch);
                Assert.Equal(i > 0, batch.Continues);
                for (var row = 0; row < batch.Sequences; row++)
                {
                    if (batch.Continues)
                        Assert.Equal(last[row], batch.Tokens[row]);
                    for (var t = 1; t <= batch.Lengths[row]; t++)
                        predicted.Add(last[row] = batch.Tokens[t * batchSize + row]);
                }
            }

            Assert.Equal(Enumerable.Range(1, tokens - 1), predicted.Order());
        }
    }

    [Fact]
    public void A_batch_that_is_read_alone_is_the_same()
    {
        var stream = Stream(1003, 10);
        var (one, other) = (new SequenceBatch(10, 4, 0), new SequenceBatch(10, 4, 0));
        var batches = new TrainingBatches(stream, 4, 3);
        for (var i = 0; i <= 40; i++)
            batches.Read(i, one);
        new TrainingBatches(stream, 4, 3).Read(40, other);
        Assert.Equal(one.Tokens, other.Tokens);
        Assert.Equal(one.Continues, other.Continues);
    }

    [Fact]
    public void Tokens_that_make_no_text_are_refused()
    {
        Assert.Contains("at least two", Assert.Throws<DataException>(() => Stream(1, 10)).Message, StringComparison.Ordinal);
        var error = Assert.Throws<DataException>(() => new TokenStream([0, 1, 7], 5, 10, true, TaskUnit.Nats, "some.txt"));
        Assert.Contains("some.txt, token 2: id 7", error.Message, StringComparison.Ordinal);
        Assert.Throws<DataException>(() => new TokenStream([0, 1, 7], 7, 10, true, TaskUnit.Nats, "some.txt"));
        Assert.Equal(2, new TokenStream([0, 1, 7], 8, 10, true, TaskUnit.Nats, "some.txt").Length(0));
    }
}
