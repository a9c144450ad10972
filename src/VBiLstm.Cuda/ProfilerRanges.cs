using System.Text;
using VBiLstm.Cuda.Interop;
using VBiLstm.Model;

namespace VBiLstm.Cuda;

/// <summary>The phases of a step as NVTX ranges by their names, for as long as this lives; and ranges by any name.</summary>
sealed class ProfilerRanges : IDisposable
{
    /// <summary>What Nsight's filters call the domain of all ranges.</summary>
    public const string Domain = Nvtx.Domain;

    // Zero-terminated, made once: naming a range must not allocate within the step.
    static readonly byte[][] _names = [.. Enum.GetValues<TrainingPhase>().Select(phase => Terminated(phase.Describe()))];

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

    /// <summary>Begins a range of this thread; it ends with <see cref="End"/>.</summary>
    public static void Begin(string name) => Nvtx.Push(Terminated(name));

    /// <summary>Ends the range that this thread began last.</summary>
    public static void End() => Nvtx.Pop();

    static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

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
