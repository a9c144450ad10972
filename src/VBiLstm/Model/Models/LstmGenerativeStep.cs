using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>The generative step of models that generate by a forward LSTM and a generator on h_t alone.</summary>
sealed class LstmGenerativeStep(Workspace workspace, GenerativeFrame frame, SequenceModel model, Lstm lstm, Net generator) : GenerativeStep(frame)
{
    readonly LstmStep _lstm = new(workspace, model.Configuration, lstm, frame.Rows);
    readonly GeneratorStep _generator = new(workspace, generator, frame.Rows);

    public override Tensor Output => _generator.Output;

    public override Tensor[] States => [_lstm.H, _lstm.C];

    public override void Reset() => _lstm.Reset();

    public override void Run()
    {
        _lstm.Begin(Frame.X);
        _lstm.End();
        _generator.Run(_lstm.H);
    }
}
