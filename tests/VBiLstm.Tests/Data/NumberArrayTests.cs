using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

public class NumberArrayTests
{
    static NumberArray Reals(params float[] values)
        => new([values.Length], NumberKind.Real, sizeof(float), IsBigEndian: false, IsFortranOrder: false, [.. values.SelectMany(BitConverter.GetBytes)]);

    [Fact]
    public void Reals_of_0_to_1_are_shares_of_255_and_whole_ones_are_pixels()
    {
        Assert.Equal([0, 128, 255], Reals(0, 0.5f, 1).ToPixels("x", scalesReals: true));
        Assert.Equal([0, 1, 255], Reals(0, 1, 255).ToPixels("x", scalesReals: true));
        Assert.Equal([0, 1], Reals(0, 1).ToPixels("x", scalesReals: false));
        var message = Assert.Throws<DataException>(() => Reals(0, 0.5f, 3).ToPixels("x", scalesReals: true)).Message;
        Assert.Contains("x, value 1: 0.5", message, StringComparison.Ordinal);
    }
}
