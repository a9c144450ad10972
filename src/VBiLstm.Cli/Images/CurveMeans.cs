namespace VBiLstm.Cli.Images;

/// <summary>
/// A curve of any length as a few hundred means over stretches of steps: single training batches are too noisy to see a curve, and a long run's points too many
/// to keep.
/// </summary>
sealed class CurveMeans(int points)
{
    readonly List<(double Step, double Value, int Count)> _stretches = [];
    int _longest = 1;

    /// <summary>The means, at the mean step of each stretch.</summary>
    public IReadOnlyList<(double Step, double Value)> Points => [.. _stretches.Select(part => (part.Step / part.Count, part.Value / part.Count))];

    /// <summary>Adds the next point.</summary>
    public void Add(double step, double value)
    {
        if (_stretches.Count > 0 && _stretches[^1] is var last && last.Count < _longest)
        {
            _stretches[^1] = (last.Step + step, last.Value + value, last.Count + 1);
            return;
        }

        _stretches.Add((step, value, 1));
        if (_stretches.Count <= 2 * points)
            return;
        _longest *= 2;
        for (var i = 0; 2 * i + 1 < _stretches.Count; i++)
        {
            var (one, other) = (_stretches[2 * i], _stretches[2 * i + 1]);
            _stretches[i] = (one.Step + other.Step, one.Value + other.Value, one.Count + other.Count);
        }

        var odd = _stretches.Count % 2;
        if (odd == 1)
            _stretches[_stretches.Count / 2] = _stretches[^1];
        _stretches.RemoveRange(_stretches.Count / 2 + odd, _stretches.Count - _stretches.Count / 2 - odd);
    }
}
