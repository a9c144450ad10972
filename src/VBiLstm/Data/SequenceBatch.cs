using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>
/// One mini-batch in host memory, time-major: token or frame k of row n stands at [k, n]. Buffers are sized once and reused.
/// Rows past <see cref="Sequences"/>, and others of length 0, are padding: nothing that counts depends on them.
/// </summary>
public sealed class SequenceBatch
{
    // Two time steps more than T are numbered in some buffers; beside what a row holds there are two masks.
    const int StepsAround = 2, MasksOfStep = 2;

    /// <param name="maximumSteps">Largest T.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="frameSize">D for frames; 0 for token ids.</param>
    /// <exception cref="ConfigurationException">More than can be numbered.</exception>
    internal SequenceBatch(int maximumSteps, int batchSize, int frameSize)
    {
        CheckSize(maximumSteps, batchSize, frameSize);
        MaximumSteps = maximumSteps;
        BatchSize = batchSize;
        FrameSize = frameSize;
        var rows = (maximumSteps + 1) * batchSize;
        Frames = frameSize > 0 ? new float[rows * frameSize] : [];
        Tokens = frameSize > 0 ? [] : new int[rows];
        Lengths = new int[batchSize];
        RowIds = new int[batchSize];
    }

    /// <summary>Refuses sizes whose products no buffer can have.</summary>
    /// <exception cref="ConfigurationException">T × B rows, or their values, are more than can be numbered.</exception>
    internal static void CheckSize(int maximumSteps, int batchSize, int frameSize)
    {
        if (((long)maximumSteps + StepsAround) * batchSize * (Math.Max(1L, frameSize) + MasksOfStep) > Array.MaxLength)
        {
            var values = frameSize > 0 ? $" of {frameSize:N0} values" : "";
            throw new ConfigurationException($"A batch of {batchSize:N0} sequences of {maximumSteps:N0} steps{values} has more values "
                + $"than {Array.MaxLength:N0}; "
                + "use a smaller training.batch_size, or shorter sequences (data.window; frames: prepare them anew, with fewer in a row).")
            {
                Settings = ["time-steps"],
            };
        }
    }

    /// <summary>T of the longest sequence that it has room for.</summary>
    public int MaximumSteps { get; }

    /// <summary>B, rows, padding included.</summary>
    public int BatchSize { get; }

    /// <summary>D for frames; 0 for token ids.</summary>
    public int FrameSize { get; }

    /// <summary>T of this batch, at most <see cref="MaximumSteps"/>: the longest of its sequences and of those of the step's other shards.</summary>
    public int Steps { get; internal set; }

    /// <summary>Number of real sequences in these rows.</summary>
    internal int Sequences { get; set; }

    /// <summary>Number of real sequences of the step's other shards.</summary>
    internal int OtherSequences { get; set; }

    /// <summary>Number of real sequences of the whole step; the normaliser of the loss.</summary>
    internal int StepSequences => Sequences + OtherSequences;

    /// <summary>Whether each row goes on where it ended in the batch before, so that its last state is this one's first.</summary>
    internal bool Continues { get; set; }

    /// <summary>s_0..s_T as frames [T+1, B, D]; empty for tokens.</summary>
    public float[] Frames { get; }

    /// <summary>s_0..s_T as ids [T+1, B]; empty for frames.</summary>
    public int[] Tokens { get; }

    /// <summary>Predicted steps of each row [B]; its tokens are 0..length.</summary>
    internal int[] Lengths { get; }

    /// <summary>Number under which each row draws its noise [B].</summary>
    internal int[] RowIds { get; }
}
