namespace VBiLstm.Tests.Reference;

/// <summary>
/// A matrix in double on a tape: plain reverse-mode differentiation, so that the reference model is written as a forward pass only and shares no
/// derivative with the product.
/// </summary>
public sealed class Variable
{
    readonly Action<Variable>? _pullBack;
    readonly Variable[] _inputs;

    Variable(int rows, int columns, double[] value, Variable[] inputs, Action<Variable>? pullBack)
    {
        (Rows, Columns, Value, _inputs, _pullBack) = (rows, columns, value, inputs, pullBack);
        Gradient = new double[value.Length];
    }

    public int Rows { get; }

    public int Columns { get; }

    public double[] Value { get; }

    /// <summary>d loss / d value after <see cref="Backward"/>.</summary>
    public double[] Gradient { get; }

    public static Variable Of(int rows, int columns, double[] value) => new(rows, columns, value, [], null);

    public static Variable Zeros(int rows, int columns) => Of(rows, columns, new double[rows * columns]);

    public static Variable operator +(Variable a, Variable b) => Binary(a, b, (x, y) => x + y, (_, _) => 1, (_, _) => 1);

    public static Variable operator -(Variable a, Variable b) => Binary(a, b, (x, y) => x - y, (_, _) => 1, (_, _) => -1);

    public static Variable operator *(Variable a, Variable b) => Binary(a, b, (x, y) => x * y, (_, y) => y, (x, _) => x);

    public static Variable operator *(double a, Variable b) => b.Map(x => a * x, _ => a);

    public Variable Exp() => Map(Math.Exp, Math.Exp);

    public Variable Square() => Map(x => x * x, x => 2 * x);

    /// <summary>√x; at 0, where it has no derivative, the derivative is taken as 0.</summary>
    public Variable Sqrt() => Map(Math.Sqrt, x => x > 0 ? 0.5 / Math.Sqrt(x) : 0);

    public Variable Tanh() => Map(Math.Tanh, x => 1 - Math.Tanh(x) * Math.Tanh(x));

    public Variable Sigmoid() => Map(Logistic, x => Logistic(x) * Logistic(-x));

    public Variable SoftPlus() => Map(x => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))), Logistic);

    public Variable Clamp(double low, double high) => Map(x => Math.Clamp(x, low, high), x => x >= low && x <= high ? 1 : 0);

    /// <summary>φ of model.md section 1.</summary>
    public Variable LeakyRelu(double slope, double? clip)
    {
        double Plain(double x) => x > 0 ? x : slope * x;
        return clip is not { } c ? Map(Plain, x => x > 0 ? 1 : slope)
            : Map(x => Math.Clamp(Plain(x), -c, c), x => Math.Abs(Plain(x)) > c ? 0 : x > 0 ? 1 : slope);
    }

    /// <summary>sg of model.md section 1.</summary>
    public Variable StopGradient() => Of(Rows, Columns, Value);

    public Variable Part(int firstColumn, int count) => Select(Rows, count, i => i / count * Columns + firstColumn + i % count);

    /// <summary>[x₁ | x₂ | …], matrices of as many rows.</summary>
    public static Variable SideBySide(IReadOnlyList<Variable> parts)
    {
        var (rows, columns) = (parts[0].Rows, parts.Sum(part => part.Columns));
        var value = new double[rows * columns];
        var first = 0;
        var places = new List<(Variable Part, int First)>();
        foreach (var part in parts)
        {
            Assert.Equal(rows, part.Rows);
            places.Add((part, first));
            for (var i = 0; i < part.Value.Length; i++)
                value[i / part.Columns * columns + first + i % part.Columns] = part.Value[i];
            first += part.Columns;
        }

        return new Variable(rows, columns, value, [.. parts], y =>
        {
            foreach (var (part, at) in places)
                for (var i = 0; i < part.Value.Length; i++)
                    part.Gradient[i] += y.Gradient[i / part.Columns * columns + at + i % part.Columns];
        });
    }

    /// <summary>Row r of the result is row <paramref name="rows"/>[r] of this.</summary>
    public Variable Gather(IReadOnlyList<int> rows) => Select(rows.Count, Columns, i => rows[i / Columns] * Columns + i % Columns);

    /// <summary>The entry of each row at a column of its own, [rows, 1].</summary>
    public Variable Pick(IReadOnlyList<int> columns) => Select(Rows, 1, i => i * Columns + columns[i]);

    public Variable RowSums()
    {
        var value = new double[Rows];
        for (var i = 0; i < Value.Length; i++)
            value[i / Columns] += Value[i];
        return new Variable(Rows, 1, value, [this], y =>
        {
            for (var i = 0; i < Value.Length; i++)
                Gradient[i] += y.Gradient[i / Columns];
        });
    }

    /// <summary>Sum of everything, [1, 1].</summary>
    public Variable Sum()
    {
        var sums = RowSums();
        return new Variable(1, 1, [sums.Value.Sum()], [sums], y =>
        {
            for (var i = 0; i < sums.Rows; i++)
                sums.Gradient[i] += y.Gradient[0];
        });
    }

    public Variable LogSumExp()
    {
        var value = new double[Rows];
        for (var r = 0; r < Rows; r++)
        {
            var row = Value.AsSpan(r * Columns, Columns);
            var largest = double.NegativeInfinity;
            foreach (var x in row)
                largest = Math.Max(largest, x);
            foreach (var x in row)
                value[r] += Math.Exp(x - largest);
            value[r] = largest + Math.Log(value[r]);
        }

        return new Variable(Rows, 1, value, [this], y =>
        {
            for (var i = 0; i < Value.Length; i++)
                Gradient[i] += y.Gradient[i / Columns] * Math.Exp(Value[i] - value[i / Columns]);
        });
    }

    /// <summary>x W.</summary>
    public Variable Times(Variable w)
    {
        Assert.Equal(Columns, w.Rows);
        var (n, k, m) = (Rows, Columns, w.Columns);
        var value = new double[n * m];
        for (var i = 0; i < n; i++)
            for (var p = 0; p < k; p++)
                for (var j = 0; j < m; j++)
                    value[i * m + j] += Value[i * k + p] * w.Value[p * m + j];
        return new Variable(n, m, value, [this, w], y =>
        {
            for (var i = 0; i < n; i++)
            {
                for (var p = 0; p < k; p++)
                {
                    for (var j = 0; j < m; j++)
                    {
                        Gradient[i * k + p] += y.Gradient[i * m + j] * w.Value[p * m + j];
                        w.Gradient[p * m + j] += y.Gradient[i * m + j] * Value[i * k + p];
                    }
                }
            }
        });
    }

    /// <summary>Fills the gradients of everything this scalar depends on.</summary>
    public void Backward()
    {
        var order = new List<Variable>();
        var seen = new HashSet<Variable>();
        var stack = new Stack<(Variable Node, bool InputsDone)>();
        stack.Push((this, false));
        while (stack.TryPop(out var entry))
        {
            if (entry.InputsDone)
            {
                order.Add(entry.Node);
            }
            else if (seen.Add(entry.Node))
            {
                stack.Push((entry.Node, true));
                foreach (var input in entry.Node._inputs)
                    stack.Push((input, false));
            }
        }

        Gradient[0] = 1;
        for (var i = order.Count - 1; i >= 0; i--)
            order[i]._pullBack?.Invoke(order[i]);
    }

    static double Logistic(double x) => 1 / (1 + Math.Exp(-x));

    Variable Map(Func<double, double> f, Func<double, double> derivative)
        => new(Rows, Columns, Array.ConvertAll(Value, x => f(x)), [this], y =>
        {
            for (var i = 0; i < Value.Length; i++)
                Gradient[i] += y.Gradient[i] * derivative(Value[i]);
        });

    Variable Select(int rows, int columns, Func<int, int> source)
        => new(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(i => Value[source(i)])], [this], y =>
        {
            for (var i = 0; i < y.Value.Length; i++)
                Gradient[source(i)] += y.Gradient[i];
        });

    // The right operand may have one row (a bias) or one column (a row's scalar).
    static Variable Binary(Variable a, Variable b, Func<double, double, double> f, Func<double, double, double> da, Func<double, double, double> db)
    {
        Assert.True((b.Rows == a.Rows || b.Rows == 1) && (b.Columns == a.Columns || b.Columns == 1));
        int Index(int i) => (b.Rows == 1 ? 0 : i / a.Columns) * b.Columns + (b.Columns == 1 ? 0 : i % a.Columns);
        return new Variable(a.Rows, a.Columns, [.. Enumerable.Range(0, a.Value.Length).Select(i => f(a.Value[i], b.Value[Index(i)]))], [a, b], y =>
        {
            for (var i = 0; i < a.Value.Length; i++)
            {
                a.Gradient[i] += y.Gradient[i] * da(a.Value[i], b.Value[Index(i)]);
                b.Gradient[Index(i)] += y.Gradient[i] * db(a.Value[i], b.Value[Index(i)]);
            }
        });
    }
}
