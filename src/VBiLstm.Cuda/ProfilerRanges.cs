using VBiLstm.Cuda.Interop;
using VBiLstm.Model;

namespace VBiLstm.Cuda;

/// <summary>The phases of a step as NVTX ranges named after model.md, for as long as this lives.</summary>
public sealed class ProfilerRanges : IDisposable
{
    readonly TrainingStep _step;
    bool _isOpen;

    public ProfilerRanges(TrainingStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step;
        _step.EnterPhase = phase =>
        {
            Close();
            Nvtx.Push(NameOf(phase));
            _isOpen = true;
        };
    }

    /// <summary>The NVTX library that takes the ranges; null where none was found and they go nowhere.</summary>
    public static string? Library => Nvtx.Library;

    static ReadOnlySpan<byte> NameOf(TrainingPhase phase) => phase switch
    {
        TrainingPhase.F2Noise => "F2 noise"u8,
        TrainingPhase.F1 => "F1"u8,
        TrainingPhase.F1BackwardLstm => "F1 backward LSTM"u8,
        TrainingPhase.F2 => "F2"u8,
        TrainingPhase.F3 => "F3"u8,
        TrainingPhase.F4 => "F4"u8,
        TrainingPhase.B1 => "B1"u8,
        TrainingPhase.B2 => "B2"u8,
        TrainingPhase.B3 => "B3"u8,
        TrainingPhase.B4 => "B4"u8,
        TrainingPhase.B5 => "B5"u8,
        TrainingPhase.B6 => "B6"u8,
        TrainingPhase.B7 => "B7"u8,
        _ => "Adam"u8,
    };

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
