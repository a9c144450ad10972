namespace VBiLstm.Noise;

/// <summary>A sequence of random numbers for the host: initialisation, shuffling, sampling of outputs. Keyed, so that any of them can be redrawn.</summary>
struct CounterRandom
{
    readonly uint _key0, _key1, _row, _stream, _step;
    uint _block, _w0, _w1, _w2, _w3;
    int _used;

    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">What the numbers are for.</param>
    /// <param name="row">Number within the stream: a row, an image, a parameter.</param>
    /// <param name="step">Epoch or step.</param>
    public CounterRandom(long seed, NoiseStream stream, uint row, uint step)
    {
        (_key0, _key1) = ((uint)seed, (uint)(seed >> 32));
        (_row, _stream, _step) = (row, (uint)stream << 24, step);
        _used = 4;
    }

    public uint NextUInt32()
    {
        if (_used == 4)
        {
            Philox4x32.Block(_block++, _row, _stream, _step, _key0, _key1, out _w0, out _w1, out _w2, out _w3);
            _used = 0;
        }

        return _used++ switch { 0 => _w0, 1 => _w1, 2 => _w2, _ => _w3 };
    }

    /// <summary>Uniform in [0, exclusiveMax), without bias.</summary>
    public int NextInt32(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var range = (uint)exclusiveMax;
        while (true)
        {
            var product = (ulong)NextUInt32() * range;
            if ((uint)product >= (0u - range) % range)
                return (int)(product >> 32);
        }
    }

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float NextSingle() => NormalNoise.Uniform(NextUInt32());

    /// <summary>Standard normal.</summary>
    public float NextNormal()
    {
        var radius = NextUInt32();
        NormalNoise.Pair(radius, NextUInt32(), out var value, out _);
        return value;
    }

    /// <summary>Fisher–Yates.</summary>
    public static void Shuffle(Span<int> order, ref CounterRandom random)
    {
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = random.NextInt32(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
