using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// What the LSTMs read: embedded tokens, or frames as they are (model.md section 1). Where ids come up often, each LSTM's projection is computed once for
/// each id and gathered, which is the cheaper order of F1, F2 and B7.
/// </summary>
sealed class InputPass
{
    readonly Device _device;
    readonly StepSizes _sizes;
    readonly IdTensor _sampleTokens;
    readonly Tensor _table, _dTable, _sampleTargets;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="frame">Has the tokens or frames.</param>
    /// <param name="embedding">[V, E]; null where the data are frames.</param>
    /// <param name="sizes">Of the step.</param>
    public InputPass(Workspace workspace, StepFrame frame, Parameter? embedding, in StepSizes sizes) : this(workspace, frame, embedding, sizes.PerSequence,
        workspace.TakeIf(sizes.Samples > 1 && embedding is null, checked(sizes.OutputSteps * sizes.BatchSize), sizes.InputWidth))
    {
    }

    InputPass(Workspace workspace, StepFrame frame, Parameter? embedding, in StepSizes sizes, Tensor sampleTargets)
    {
        (_device, _sizes, _sampleTargets) = (workspace.Device, sizes, sampleTargets);
        (Tokens, _sampleTokens) = (frame.Inputs.Tokens, frame.Inputs.SampleTokens);
        var tokens = checked((sizes.MaximumSteps + 1) * sizes.BatchSize);
        if (embedding is not null)
            (_table, _dTable) = (workspace.Value(embedding), workspace.Gradient(embedding));
        Embedded = Embeds
            ? workspace.TakeIf(!sizes.ProjectsVocabulary, tokens, sizes.InputWidth, workspace.ProductsInTraining)
            : frame.Inputs.Frames with { Operand = workspace.TakeIf(_device.RoundsOperands, tokens, sizes.InputWidth, Readers.Products).Operand };
        DEmbedded = workspace.TakeIf(sizes.InputGradient && !sizes.ProjectsVocabulary, tokens, sizes.InputWidth);
    }

    /// <summary>s_k, [(T+1)·B]; empty where the data are frames.</summary>
    public IdTensor Tokens { get; }

    /// <summary>e_k of the sequences, [T+1, B, E]; the frames themselves where the data are frames; empty where the vocabulary is projected.</summary>
    public Tensor Embedded { get; }

    /// <summary>de, [T+1, B, E]; empty where nobody wants it.</summary>
    public Tensor DEmbedded { get; }

    bool Embeds => !Tokens.IsEmpty;

    /// <summary>e of the first time steps.</summary>
    public Tensor First(int steps) => Embedded.RowRange(0, Embedded.IsEmpty ? 0 : steps * _sizes.BatchSize);

    /// <summary>The targets of time steps start+1..start+count: what comes after the inputs, for every row of a sequence until the next call.</summary>
    public Outputs.Targets Targets(StepFrame frame, int start, int count)
    {
        if (Embeds)
            return new(default, _sampleTokens.Range((start + 1) * frame.BatchSize, count * frame.BatchSize));
        var targets = Embedded.RowRange((start + 1) * _sizes.BatchSize, count * _sizes.BatchSize);
        if (_sampleTargets.IsEmpty)
            return new(targets, default);
        frame.Repeat(targets, _sampleTargets);
        return new(frame.Span(_sampleTargets, 0, count), default);
    }

    /// <summary>F1: the embedding's gather of steps 0..count-1, or the frames as products read them.</summary>
    public void Forward(int count)
    {
        if (!Embeds && _device.RoundsOperands)
            _device.Copy(First(count) with { Operand = 0 }, First(count) with { Address = 0 });
        else if (Embeds && !_sizes.ProjectsVocabulary)
            _device.EmbeddingForward(Tokens.Range(0, count * _sizes.BatchSize), _table, First(count));
    }

    /// <summary>The input projections of an LSTM's gates at time steps 0..count-1, where they are gathered; elsewhere the LSTM multiplies.</summary>
    /// <returns>Whether they were.</returns>
    public bool Project(LstmPass lstm, int count)
    {
        if (!_sizes.ProjectsVocabulary)
            return false;
        _device.Multiply(_table, lstm.InputWeight, lstm.Bias, lstm.TokenGates, accumulate: false);
        var tokens = lstm.BatchSize == _sizes.BatchSize ? Tokens : _sampleTokens;
        _device.EmbeddingForward(tokens.Range(0, count * lstm.BatchSize), lstm.TokenGates, lstm.Gates.RowRange(0, count * lstm.BatchSize));
        return true;
    }

    /// <summary>
    /// The embedding's gradient: from de, or, where projections were gathered, from the gates' gradients of the LSTMs that read it, which must stand there.
    /// </summary>
    /// <param name="steps">T; a backward LSTM reads a token more.</param>
    /// <param name="forward">The forward LSTM.</param>
    /// <param name="backward">The backward LSTM, where one reads the same inputs.</param>
    public void Backward(int steps, LstmPass forward, LstmPass? backward = null)
    {
        if (_sizes.ProjectsVocabulary)
        {
            if (backward is not null)
                ProjectionBackward(backward, steps + 1, accumulate: false);
            ProjectionBackward(forward, steps, accumulate: backward is not null);
        }
        else if (Embeds && !DEmbedded.IsEmpty)
        {
            var rows = (steps + 1) * _sizes.BatchSize;
            _device.EmbeddingBackward(Tokens.Range(0, rows), DEmbedded.RowRange(0, rows), _dTable);
        }
    }

    // The gates' gradients summed for each id first, then both products over the vocabulary instead of the tokens.
    void ProjectionBackward(LstmPass lstm, int count, bool accumulate)
    {
        _device.EmbeddingBackward(Tokens.Range(0, count * _sizes.BatchSize), lstm.Gates.RowRange(0, count * _sizes.BatchSize), lstm.TokenGates);
        _device.WeightGradients([new(_table, lstm.DInputWeight)], lstm.TokenGates, default);
        _device.MultiplyTransposed(lstm.TokenGates, lstm.InputWeight, _dTable, accumulate);
    }

    /// <summary>What a forward pass leaves, for comparisons; frames are nothing that it computed.</summary>
    public IEnumerable<StepTensor> ForwardTensors(StepFrame frame) => [frame.Tokens("embedded", Embeds ? Embedded : default, TrainingPhase.F1)];

    /// <summary>What a backward pass leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> GradientTensors(StepFrame frame) => [frame.Tokens("grad.embedded", DEmbedded, TrainingPhase.B7)];
}
