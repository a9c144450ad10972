using System.Text;
using VBiLstm.Cuda.Interop;
using VBiLstm.Model;

namespace VBiLstm.Cuda;

/// <summary>The phases of a step as NVTX ranges by their names, for as long as this lives.</summary>
public sealed class ProfilerRanges : IDisposable
{
    // Zero-terminated, made once: naming a range must not allocate within the step.
    static readonly byte[][] _names = [.. Enum.GetValues<TrainingPhase>().Select(phase => Encoding.UTF8.GetBytes(phase.Describe() + '\0'))];

    readonly TrainingStep _step;
    bool _isOpen;

    public ProfilerRanges(TrainingStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step;
        _step.EnterPhase = phase =>
        {
            Close();
            Nvtx.Push(_names[(int)phase]);
            _isOpen = true;
        };
    }

    /// <summary>The NVTX library that takes the ranges; null where none was found and they go nowhere.</summary>
    public static string? Library => Nvtx.Library;

    void Close()
    {
        if (_isOpen)
            Nvtx.Pop();
        _isOpen = false;
    }

    public void Dispose()
    {
        Close();
        _step.EnterPhase = null;
    }
}
