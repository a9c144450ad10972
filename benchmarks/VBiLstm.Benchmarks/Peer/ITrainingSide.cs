namespace VBiLstm.Benchmarks.Peer;

/// <summary>One side of the comparison: the same model, batch and optimiser.</summary>
interface ITrainingSide : IDisposable
{
    /// <summary>One whole training step: noise, forward, backward, clipping, Adam. Returns the objective, nats per sequence.</summary>
    float Step();
}
