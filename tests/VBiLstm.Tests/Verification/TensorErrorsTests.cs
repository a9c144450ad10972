using VBiLstm.Verification;

namespace VBiLstm.Tests.Verification;

/// <summary>Figures of two short tensors by hand.</summary>
public class TensorErrorsTests
{
    [Fact]
    public void Errors_of_a_small_matrix()
    {
        var errors = TensorErrors.Of([1, 2, 3, -4], [1, 2.5f, 3, -4.25f], 2, []);
        Assert.Equal(0.5, errors.Maximum);
        Assert.Equal(1, errors.Worst);
        Assert.Equal(4, errors.Largest);
        Assert.Equal(0.125, errors.OfLargest);
        Assert.Equal(Math.Sqrt((0.25 + 0.0625) / 30), errors.RelativeL2, 1e-12);

        // 2 to 2.5 is a quarter of an octave of 2^23 floats.
        Assert.Equal(1 << 21, errors.MaximumUlps);
    }

    [Fact]
    public void Rows_that_do_not_count_are_left_out()
    {
        var errors = TensorErrors.Of([1, 2, 3, -4], [1, 2, float.NaN, 9], 2, [true, false]);
        Assert.Equal((0, -1, 2), (errors.Maximum, errors.Worst, errors.Largest));
    }

    [Theory]
    [InlineData(0f, -0f, 1)]
    [InlineData(1f, 1.0000001f, 1)]
    [InlineData(-1f, -1.0000001f, 1)]
    [InlineData(1e-45f, -1e-45f, 3)]
    public void Ulps_count_floats_across_zero(float a, float b, long ulps) => Assert.Equal(ulps, TensorErrors.Of([a], [b], 1, []).MaximumUlps);

    [Theory]
    [InlineData(1, float.NaN)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.PositiveInfinity, 1)]
    [InlineData(0, 1e-30f)]
    public void What_is_not_finite_or_should_be_zero_is_infinitely_wrong(float a, float b)
    {
        var errors = TensorErrors.Of([a], [b], 1, []);
        Assert.Equal((double.PositiveInfinity, double.PositiveInfinity), (errors.OfLargest, errors.RelativeL2));
    }
}
