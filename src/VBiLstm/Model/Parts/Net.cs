using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// A net with one hidden layer, y = φ(Σ xᵢ W₁ᵢ + b₁) W₂ + b₂ (model.md section 3): posterior, prior, ψ, ξ and generator are such nets.
/// This is what it is made of; <see cref="NetPass"/> computes it.
/// </summary>
sealed class Net
{
    /// <summary>Adds what is the net's own after its input weights: the hidden layer's bias and the output layer.</summary>
    /// <param name="layout">Where the parameters are added.</param>
    /// <param name="name">The net's name among the parameters.</param>
    /// <param name="inputs">W₁ᵢ, [inputs, M], which the caller places: alone, as rows of one matrix, or in a stack.</param>
    /// <param name="outputs">Width of y.</param>
    /// <param name="gradients">The phase that computes its gradients.</param>
    public Net(ParameterLayout layout, string name, IReadOnlyList<ParameterView> inputs, int outputs, TrainingPhase gradients)
    {
        Inputs = inputs;
        HiddenUnits = inputs[0].Columns;
        HiddenBias = layout.AddBias($"{name}.hidden.bias", HiddenUnits, gradients);
        OutputWeight = layout.Add($"{name}.output.weight", HiddenUnits, outputs, gradients, ParameterInitialisation.OutputLayer);
        OutputBias = layout.AddBias($"{name}.output.bias", outputs, gradients);
    }

    /// <summary>A net with one input, whose weight stands alone.</summary>
    public static Net WithInput(ParameterLayout layout, string name, string input, int inputs, int hidden, int outputs, TrainingPhase gradients)
        => new(layout, name, [layout.Add(InputName(name, input), inputs, hidden, gradients).View], outputs, gradients);

    /// <summary>Name of the weight of one input.</summary>
    public static string InputName(string name, string input) => $"{name}.hidden.weight_{input}";

    public IReadOnlyList<ParameterView> Inputs { get; }

    /// <summary>M.</summary>
    public int HiddenUnits { get; }

    public Parameter HiddenBias { get; }

    public Parameter OutputWeight { get; }

    public Parameter OutputBias { get; }

    /// <summary>Of one row of one input, forward.</summary>
    public long InputMultiplyAdds(int input) => (long)Inputs[input].Rows * HiddenUnits;

    /// <summary>Of one row, forward.</summary>
    public long MultiplyAdds => Inputs.Sum(input => (long)input.Rows * HiddenUnits) + (long)HiddenUnits * OutputWeight.Columns;
}
