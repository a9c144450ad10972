namespace VBiLstm.Tests.Evaluation;

/// <summary>Densities and divergences in double, written from their definitions.</summary>
static class ClosedForm
{
    /// <summary>−log N(y; mean, e^logVariance), nats.</summary>
    public static double GaussianNll(double y, double mean, double logVariance)
        => 0.5 * (Math.Log(2 * Math.PI) + logVariance + (y - mean) * (y - mean) / Math.Exp(logVariance));

    /// <summary>KL(N(m1, e^l1) ‖ N(m2, e^l2)), nats.</summary>
    public static double GaussianKl(double m1, double l1, double m2, double l2) => 0.5 * (l2 - l1 + (Math.Exp(l1) + (m1 - m2) * (m1 - m2)) / Math.Exp(l2) - 1);

    /// <summary>−log of the probability that a logit gives to y, 0 or 1.</summary>
    public static double BernoulliNll(double y, double logit) => Math.Log(1 + Math.Exp(y > 0 ? -logit : logit));

    /// <summary>−log softmax(logits)[y].</summary>
    public static double CategoricalNll(int y, params double[] logits) => Math.Log(logits.Sum(Math.Exp)) - logits[y];

    /// <summary>E f(x) of a standard normal x, by the trapezium rule over ±12, which is exact to rounding for smooth f.</summary>
    public static double NormalMean(Func<double, double> f)
    {
        const double Step = 1.0 / 256;
        var sum = 0.0;
        for (var x = -12.0; x <= 12; x += Step)
            sum += f(x) * Math.Exp(-x * x / 2);
        return sum * Step / Math.Sqrt(2 * Math.PI);
    }
}
