namespace VBiLstm.Verification;

/// <summary>
/// How far two devices may be apart. Values of one step are measured by max |a − b| / max |a| of each tensor, because a sum's rounding is proportional to its
/// largest terms and not to what is left of them. docs/verification.md derives the rest.
/// </summary>
/// <param name="Forward">Of activations and losses.</param>
/// <param name="Gradient">Of gradients.</param>
sealed record ComparisonTolerances(double Forward, double Gradient)
{
    // A gradient below the noise may have either sign, and Adam's first step has the same length for all of them; 4 holds the spread of gradients' sizes.
    const double Spread = 4;

    // Relative L2 where two updates still point the same way.
    const double LargestUpdate = 0.5;

    /// <summary>Products and sums in float32: about a thousand times the rounding of one operation.</summary>
    public static ComparisonTolerances Fp32 { get; } = new(1e-4, 1e-4);

    /// <summary>Products of operands rounded to 10 bits of mantissa, 5e-4 each, through a loop over time.</summary>
    public static ComparisonTolerances Tf32 { get; } = new(2e-2, 5e-2);

    /// <summary>Products of operands rounded to 7 bits of mantissa, 4e-3 each: eight times those of TF32.</summary>
    public static ComparisonTolerances Bf16 { get; } = new(1.6e-1, 4e-1);

    /// <summary>
    /// Of gradients where rounding left some of the units on the other side of a kink, by relative L2: each such unit's gradient is off by its own size.
    /// </summary>
    /// <param name="share">Units on different sides, as a share of all units of the worst net.</param>
    internal double GradientAcrossKinks(double share) => Gradient + Spread * Math.Sqrt(share);

    /// <summary>Of the change of the parameters after some steps, by relative L2; errors of all steps may add up while the steps themselves do not.</summary>
    internal static double Update(double gradient, int steps) => Math.Min(LargestUpdate, Spread * Math.Sqrt(gradient * steps));
}
