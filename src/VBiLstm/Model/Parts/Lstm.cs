namespace VBiLstm.Model.Parts;

/// <summary>
/// An LSTM with gate order i, f, u, o (model.md section 2.2); what else feeds its gates is the model's. <see cref="LstmPass"/> computes it over time.
/// </summary>
sealed class Lstm
{
    /// <summary>Of an LSTM whose parameters stand one after the other.</summary>
    public Lstm(ParameterLayout layout, string name, int inputs, int units, TrainingPhase gradients)
    {
        InputWeight = AddInputWeight(layout, name, inputs, units, gradients);
        RecurrentWeight = AddRecurrentWeight(layout, name, units, gradients);
        Bias = AddBias(layout, name, units, gradients);
    }

    /// <summary>Of an LSTM whose recurrent weight the caller placed.</summary>
    public Lstm(Parameter inputWeight, Parameter recurrentWeight, Parameter bias)
        => (InputWeight, RecurrentWeight, Bias) = (inputWeight, recurrentWeight, bias);

    public static Parameter AddInputWeight(ParameterLayout layout, string name, int inputs, int units, TrainingPhase gradients)
        => layout.Add($"{name}.weight_input", inputs, 4 * units, gradients);

    public static Parameter AddBias(ParameterLayout layout, string name, int units, TrainingPhase gradients)
        => layout.AddBias($"{name}.bias", 4 * units, gradients, ParameterInitialisation.ForgetGate);

    public static Parameter AddRecurrentWeight(ParameterLayout layout, string name, int units, TrainingPhase gradients)
        => layout.Add(RecurrentName(name), units, 4 * units, gradients, ParameterInitialisation.Recurrent);

    /// <summary>Of a weight that is part of a stack.</summary>
    public static Parameter AddRecurrentWeightTo(ParameterView stack, ParameterLayout layout, string name, int column, int units, TrainingPhase gradients)
        => layout.AddTo(stack, RecurrentName(name), 0, column, units, 4 * units, gradients, ParameterInitialisation.Recurrent);

    static string RecurrentName(string name) => $"{name}.weight_recurrent";

    /// <summary>W_x, [E, 4H].</summary>
    public Parameter InputWeight { get; }

    /// <summary>U, [H, 4H].</summary>
    public Parameter RecurrentWeight { get; }

    /// <summary>[1, 4H].</summary>
    public Parameter Bias { get; }

    /// <summary>E.</summary>
    public int Inputs => InputWeight.Rows;

    /// <summary>H.</summary>
    public int Units => RecurrentWeight.Rows;

    /// <summary>Of one row and time step, forward.</summary>
    public long MultiplyAdds => InputMultiplyAdds + 4L * Units * Units;

    /// <summary>Those of the input projection alone.</summary>
    public long InputMultiplyAdds => 4L * Inputs * Units;
}
