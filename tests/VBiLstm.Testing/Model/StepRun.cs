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
        Step = new TrainingStep(device, Parameters, maximumSteps ?? inputs.T, inputs.B, new TrainingConfiguration());
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
        Step.Apply(new StepSettings(1, 0, 0, model.KlWeight, model.Alpha, model.Beta));
        Step.DrawNoise();
        Upload(inputs.EpsilonZ, "eps_z");
        Upload(inputs.EpsilonB, "eps_b");
        Upload(inputs.SkipMask, "skip_mask");
        Upload(inputs.ZoneoutCell, "zoneout_cell");
        Upload(inputs.ZoneoutHidden, "zoneout_hidden");
        Upload(inputs.RecurrentMask, "recurrent_mask");
        Upload(inputs.InputMask, "input_mask");
        Upload(inputs.OutputMask, "output_mask");
        foreach (var (name, noise) in inputs.WeightNoise)
            Upload([.. Read(Parameters.Value(name)).Zip(noise, (weight, epsilon) => weight + model.WeightNoise * epsilon)], "noisy." + name);
        Step.RefreshWeights();
        Step.WriteState([.. Step.StateNames.Select(state => Single(state.Name switch { "h" => inputs.H0, "c" => inputs.C0, _ => inputs.Latent0 }))]);
    }

    public float[] Gradient(string name) => Read(Parameters.Gradient(name));

    public float[] Read(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return values;
    }

    void Upload(double[] values, string name)
    {
        var target = Step.Find(name);
        if (!target.IsEmpty)
            _device.Upload(Single(values), target);
    }

    static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}
