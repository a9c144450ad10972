namespace VBiLstm.Data;

/// <summary>
/// One mini-batch in host memory, time-major: token or frame k of row n stands at [k, n]. Buffers are sized once and reused.
/// Rows past <see cref="Sequences"/> are padding: their length is 0 and nothing that counts depends on them.
/// </summary>
public sealed class SequenceBatch
{
    /// <param name="maximumSteps">Largest T.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="frameSize">D for frames; 0 for token ids.</param>
    public SequenceBatch(int maximumSteps, int batchSize, int frameSize)
    {
        MaximumSteps = maximumSteps;
        BatchSize = batchSize;
        FrameSize = frameSize;
        var rows = checked((maximumSteps + 1) * batchSize);
        Frames = frameSize > 0 ? new float[checked(rows * frameSize)] : [];
        Tokens = frameSize > 0 ? [] : new int[rows];
        Lengths = new int[batchSize];
        RowIds = new int[batchSize];
    }

    public int MaximumSteps { get; }

    public int BatchSize { get; }

    public int FrameSize { get; }

    /// <summary>T of this batch, at most <see cref="MaximumSteps"/>: the longest of its sequences.</summary>
    public int Steps { get; set; }

    /// <summary>Number of real sequences; the normaliser of the loss.</summary>
    public int Sequences { get; set; }

    /// <summary>Whether each row goes on where it ended in the batch before, so that its last state is this one's first.</summary>
    public bool Continues { get; set; }

    /// <summary>s_0..s_T as frames [T+1, B, D]; empty for tokens.</summary>
    public float[] Frames { get; }

    /// <summary>s_0..s_T as ids [T+1, B]; empty for frames.</summary>
    public int[] Tokens { get; }

    /// <summary>Predicted steps of each row [B]; its tokens are 0..length.</summary>
    public int[] Lengths { get; }

    /// <summary>Number under which each row draws its noise [B].</summary>
    public int[] RowIds { get; }
}
