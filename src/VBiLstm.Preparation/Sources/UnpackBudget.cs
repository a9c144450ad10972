using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>
/// How much may come out of one packed file, all archives within it together: no data are packed 1,000 to 1, but files that are made to fill disks are.
/// </summary>
sealed class UnpackBudget(string name, long packedBytes)
{
    /// <summary>Unpacked bytes of one packed byte.</summary>
    public const int MaximumRatio = 1000;

    /// <summary>What may come out of any file, however small.</summary>
    public const long FreeBytes = 8L << 20;

    /// <summary>The most that may come out of any file.</summary>
    public const long MaximumBytes = 256L << 30;

    readonly long _limit = Math.Min(MaximumBytes, Math.Max(FreeBytes, MaximumRatio * Math.Min(packedBytes, MaximumBytes)));
    long _bytes;

    /// <summary>Counts bytes that came out.</summary>
    /// <exception cref="DataException">They are more than can be.</exception>
    public void Take(int bytes)
    {
        _bytes += bytes;
        if (_bytes > _limit)
            throw new DataException($"{name}: {packedBytes:N0} bytes unpack to more than {_limit:N0}, "
                + $"over {(_limit == MaximumBytes ? $"{MaximumBytes >> 30} GiB" : $"{MaximumRatio:N0} to 1")}; this may be a file that is made to fill disks. "
                + "If it is what you want, unpack it yourself and give the files.");
    }
}
