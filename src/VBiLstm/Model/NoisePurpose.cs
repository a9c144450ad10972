namespace VBiLstm.Model;

/// <summary>What noise is drawn for: each use has streams of its own, and masks act in training alone.</summary>
enum NoisePurpose
{
    Training,
    Evaluation,
}
