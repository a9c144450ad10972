using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Model.Outputs;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>Batches of random sequences, where only the shapes of data matter.</summary>
static class RandomSequences
{
    /// <summary>
    /// A batch whose tokens or frames suit the output distribution. Every sequence has length T; where <paramref name="ragged"/>, the first has, the others
    /// have any length from 1 on, and the last row of several is padding.
    /// </summary>
    /// <param name="model">Output distribution and sizes.</param>
    /// <param name="timeSteps">T.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="seed">The same seed gives the same batch.</param>
    /// <param name="ragged">Whether lengths differ.</param>
    public static SequenceBatch Batch(ModelConfiguration model, int timeSteps, int batchSize, long seed, bool ragged = false)
    {
        var batch = new SequenceBatch(timeSteps, batchSize, model.IsCategorical ? 0 : model.FrameSize) { Steps = timeSteps, Sequences = batchSize };
        var random = new CounterRandom(seed, NoiseStream.Shuffle, 0, 0);
        var output = Output.Of(model);
        foreach (ref var id in batch.Tokens.AsSpan())
            id = (int)output.RandomValue(ref random);
        foreach (ref var value in batch.Frames.AsSpan())
            value = output.RandomValue(ref random);
        for (var row = 0; row < batchSize; row++)
            (batch.Lengths[row], batch.RowIds[row]) = (timeSteps, row);
        if (ragged && batchSize > 1)
        {
            for (var row = 1; row < batchSize; row++)
                batch.Lengths[row] = 1 + random.NextInt32(timeSteps);
            batch.Sequences = batchSize - 1;
            batch.Lengths[^1] = 0;
        }

        return batch;
    }
}
