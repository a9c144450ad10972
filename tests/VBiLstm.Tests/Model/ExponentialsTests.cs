using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>Exponentials of many values at once.</summary>
[Trait("Runs", "without AVX2")]
public class ExponentialsTests
{
    static double One(double x)
    {
        double[] value = [x];
        Exponentials.Replace(value);
        return value[0];
    }

    [Fact]
    public void They_are_the_library_s_within_a_few_roundings()
    {
        for (var x = -708.0; x < 709.7; x += 0.0173)
            Assert.InRange(One(x) / Math.Exp(x), 1 - 2e-15, 1 + 2e-15);

        // Results below the smallest normal number have fewer digits.
        for (var x = -746.0; x < -707; x += 0.0173)
            Assert.InRange(One(x) - Math.Exp(x), -2e-15 * Math.Exp(x) - double.Epsilon, 2e-15 * Math.Exp(x) + double.Epsilon);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(-1e300, 0)]
    [InlineData(709.79, double.PositiveInfinity)]
    [InlineData(1e300, double.PositiveInfinity)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NaN, double.NaN)]
    public void Ends_are_exact(double x, double expected) => Assert.Equal(expected, One(x));

    [Fact]
    public void A_value_s_bits_depend_on_neither_its_place_nor_its_neighbours()
    {
        var random = new Random(1);
        for (var length = 1; length < 40; length++)
        {
            var values = Enumerable.Range(0, length).Select(i => i % 3 == 1 ? 800 * (random.NextDouble() - 0.5) : 4 * random.NextDouble()).ToArray();
            values[random.Next(length)] = random.Next(4) switch { 0 => double.NaN, 1 => double.PositiveInfinity, 2 => -1000, _ => 1e-320 };
            var expected = Array.ConvertAll(values, One);
            Exponentials.Replace(values);
            Assert.Equal(Array.ConvertAll(expected, BitConverter.DoubleToInt64Bits), Array.ConvertAll(values, BitConverter.DoubleToInt64Bits));
        }
    }
}
