namespace VBiLstm.Data;

/// <summary>Which sequences share a batch where state is carried: row n reads sequences n K to (n + 1) K - 1 one after the other, K batches in all.</summary>
static class CarriedOrder
{
    /// <summary>K.</summary>
    public static int Batches(int sequences, int batchSize) => (sequences + batchSize - 1) / batchSize;

    /// <summary>Fills <paramref name="indices"/> [B] with the sequences of batch <paramref name="number"/> and returns how many there are.</summary>
    public static int Read(int sequences, int number, Span<int> indices)
    {
        var batches = Batches(sequences, indices.Length);
        var count = 0;
        for (var index = number; index < sequences; index += batches)
            indices[count++] = index;
        return count;
    }
}
