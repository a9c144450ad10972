using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>A training step with the parameters and inputs of the double reference.</summary>
sealed class StepRun : IDisposable
{
    readonly Device _device;

    public StepRun(Device device, ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs, int? maximumSteps = null)
    {
        _device = device;
        Parameters = new ModelParameters(device, model, training: true);
        foreach (var (name, variable) in parameters)
            device.Upload(Single(variable.Value), Parameters.Value(name));
        Step = new TrainingStep(device, Parameters, maximumSteps ?? inputs.T, inputs.B, training: true);
        Load(inputs);
    }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    public void Load(ReferenceInputs inputs)
    {
        var model = Parameters.Model;
        var batch = new SequenceBatch(inputs.T, inputs.B, model.IsCategorical ? 0 : model.FrameSize) { Steps = inputs.T, Sequences = inputs.B };
        Single(inputs.Frames).CopyTo(batch.Frames, 0);
        inputs.Tokens.CopyTo(batch.Tokens, 0);
        inputs.Lengths.CopyTo(batch.Lengths, 0);
        Step.Load(batch);
        var (a, rows) = (Step.Buffers, inputs.T * inputs.B);
        Upload(inputs.EpsilonZ, a.EpsilonZ, rows);
        Upload(inputs.EpsilonB, a.EpsilonB, rows);
        Upload(inputs.SkipMask, a.SkipMask, rows);
        Upload(inputs.H0, a.H, inputs.B);
        Upload(inputs.C0, a.C, inputs.B);
    }

    public float[] Gradient(string name) => Read(Parameters.Gradient(name));

    public float[] Read(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return values;
    }

    void Upload(double[] values, Tensor target, int rows)
    {
        if (!target.IsEmpty)
            _device.Upload(Single(values), target.RowRange(0, rows));
    }

    static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}
