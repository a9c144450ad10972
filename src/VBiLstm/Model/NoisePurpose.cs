namespace VBiLstm.Model;

/// <summary>What noise is drawn for: each use has streams of its own, and masks act in training alone.</summary>
public enum NoisePurpose
{
    Training,
    Evaluation,
}
