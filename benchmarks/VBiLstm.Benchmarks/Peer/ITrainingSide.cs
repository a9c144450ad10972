namespace VBiLstm.Benchmarks.Peer;

/// <summary>One side of the comparison: the same model and batch, and where it trains the same optimiser.</summary>
interface ITrainingSide : IDisposable
{
    /// <summary>Sequences of a step.</summary>
    int Sequences { get; }

    /// <summary>
    /// One whole training step: noise, forward, backward, clipping, Adam; or one evaluation, or one draw. Returns its figure, nats per sequence.
    /// </summary>
    float Step();
}
