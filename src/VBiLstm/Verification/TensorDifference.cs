using VBiLstm.Model;

namespace VBiLstm.Verification;

/// <summary>When in a training step a tensor is compared.</summary>
enum ComparisonStage
{
    Noise,
    Forward,
    Backward,

    /// <summary>The gradient's norm, what the first step changed in the parameters, and Adam's moments after it.</summary>
    FirstUpdate,

    /// <summary>The same changes and moments after the last step.</summary>
    LastUpdate,
}

/// <summary>What an error is relative to.</summary>
enum ErrorMeasure
{
    /// <summary>Every bit must agree; the error is the largest distance in units in the last place.</summary>
    Bits,

    /// <summary>max |a − b| / max |a|.</summary>
    OfLargest,

    /// <summary>‖a − b‖ / ‖a‖.</summary>
    RelativeL2,
}

enum Verdict
{
    Agrees,
    Disagrees,

    /// <summary>One of the devices keeps this tensor to itself, or computes the same in another order without it.</summary>
    NotKept,
}

/// <summary>One tensor on two devices. Rows of padding are left out everywhere but in the noise.</summary>
sealed record TensorDifference
{
    /// <summary>Name after model.md; a gradient's begins with <c>grad.</c></summary>
    public required string Name { get; init; }

    public required ComparisonStage Stage { get; init; }

    /// <summary>The phase that computes it.</summary>
    public required TrainingPhase Phase { get; init; }

    /// <summary>Elements, padding included.</summary>
    public required long Elements { get; init; }

    public required Verdict Verdict { get; init; }

    /// <summary>max |a − b|; infinite where either is not finite.</summary>
    public double MaximumError { get; init; }

    /// <summary>‖a − b‖ / ‖a‖, a on the reference.</summary>
    public double RelativeL2 { get; init; }

    /// <summary>Largest number of floats between a and b.</summary>
    public long MaximumUlps { get; init; }

    /// <summary>Where |a − b| is largest: [t or k, row of the batch, column] of a sequence, [row, column] otherwise; empty where nothing differs.</summary>
    public IReadOnlyList<int> Worst { get; init; } = [];

    /// <summary>a and b there.</summary>
    public (float Reference, float Device) WorstValues { get; init; }

    public ErrorMeasure Measure { get; init; }

    /// <summary>The error by that measure.</summary>
    public double Error { get; init; }

    /// <summary>Largest error that counts as agreement.</summary>
    public double Tolerance { get; init; }

    /// <summary>Error / tolerance: above 1 the devices disagree.</summary>
    public double ToleranceUsed => Error == 0 ? 0 : Tolerance == 0 ? double.PositiveInfinity : Error / Tolerance;

    /// <summary>Position in the order of the computation, loops walked step by step.</summary>
    internal (TrainingPhase Phase, int LoopStep, int Position) Order { get; init; }
}
