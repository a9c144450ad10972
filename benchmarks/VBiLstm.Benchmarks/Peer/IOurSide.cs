namespace VBiLstm.Benchmarks.Peer;

/// <summary>This project's side.</summary>
interface IOurSide : ITrainingSide
{
    /// <summary>GFLOP/s of multiply-adds on the same threads.</summary>
    double MeasurePeak();
}

/// <summary>What is compared.</summary>
enum What
{
    /// <summary>Training steps.</summary>
    Train,

    /// <summary>The bound of sequences.</summary>
    Evaluate,

    /// <summary>Sequences drawn.</summary>
    Sample,
}
