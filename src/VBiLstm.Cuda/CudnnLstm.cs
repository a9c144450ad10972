using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// One recurrence without channel by cuDNN's RNN calls. cuDNN knows no lone backward direction, and a graph would keep the lengths of the batch that
/// it was captured with. So every row is brought to its own reading order first: it starts at step 0, backward rows from their own last token on, and
/// zeros follow its end. All rows then have the same length, and what cuDNN computes beyond a row's end is never read and has no gradient.
/// Two directions over one input are one bidirectional recurrence, whose backward half begins at the last step of all rows alike: rows of other lengths
/// would need descriptors of theirs, which a graph cannot change. What the forward half computes beyond its own last step is never read either.
/// </summary>
sealed unsafe class CudnnLstm : IDisposable
{
    const int Gates = 4;

    readonly CudnnRecurrences _owner;
    readonly CudaDevice _device;
    readonly LstmSequence _longest;
    readonly Direction[] _directions;
    readonly nint _handle;
    readonly nint _descriptor;
    readonly nint _stateDescriptor;
    readonly nuint _weightBytes;
    readonly Buffers _b;
    readonly GrowingMemory _reserve;
    readonly Dictionary<int, Shape> _shapes = [];
    readonly Releases _releases = new();
    readonly CudnnLstmSizes _sizes;
    readonly int _inputs, _units, _rows, _paddedRows;
    readonly bool _reverse, _training;

    struct Buffers
    {
        public Tensor Weights, DWeights, X, Y, DX, DY, Hx, Cx, Cy, DHx, DCx;
        public IdTensor Lengths, PaddedLengths;
    }

    // A gate's matrix [out, in] and, for input matrices, its bias [1, out], inside a weight space.
    readonly record struct Matrix(Tensor Values, Tensor Bias);

    // What the number of a direction picks rows of states and columns of outputs for.
    readonly record struct Direction(int Number, LstmSequence Sequence, Matrix[] Weights, Matrix[] DWeights);

    // What depends on the number of steps.
    readonly record struct Shape(nint XDescriptor, nint YDescriptor, IdTensor Lengths, nint Workspace, nuint WorkspaceBytes, nint Reserve, nuint ReserveBytes);

    /// <param name="owner">Has the workspace of all recurrences.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="directions">The recurrence; or a forward and a backward one, which reads no fewer steps.</param>
    /// <param name="handle">cuDNN's.</param>
    /// <param name="dropout">A descriptor of none.</param>
    /// <param name="precision">TF32 or float32.</param>
    public CudnnLstm(CudnnRecurrences owner, CudaDevice device, LstmSequence[] directions, nint handle, nint dropout, CudaPrecision precision)
    {
        (_owner, _device, _longest, _handle) = (owner, device, directions[^1], handle);
        var sequence = _longest;
        _training = !sequence.DRecurrent.IsEmpty;
        _sizes = new CudnnLstmSizes(directions.Length, sequence.InputWeight.Values.Rows, sequence.Recurrent.Values.Rows,
            sequence.Gates.Rows / sequence.BatchSize, sequence.BatchSize, _training);
        (_inputs, _units, _rows, _paddedRows) = (_sizes.Inputs, _sizes.Units, _sizes.Rows, _sizes.PaddedRows);
        _reverse = directions is [{ Direction: LstmDirection.Backward }];
        try
        {
            _descriptor = Describe(_sizes, dropout, precision, _releases);
            Check(Cudnn.GetRnnWeightSpaceSize(handle, _descriptor, out _weightBytes), "cudnnGetRNNWeightSpaceSize");
            _stateDescriptor = TensorDescriptor(_releases);
            var sizes = stackalloc int[] { directions.Length, _paddedRows, _units };
            var strides = stackalloc int[] { _paddedRows * _units, _units, 1 };
            Check(Cudnn.SetTensorNdDescriptor(_stateDescriptor, CudnnDataType.Float, 3, sizes, strides), "cudnnSetTensorNdDescriptor");
            _releases.Add(Arena.Create(device, "cuDNN's copies of a recurrence", arena => Layout(arena, _sizes, _weightBytes), out _b));
            _directions = [.. directions.Select((direction, number)
                => new Direction(number, direction, Matrices(_b.Weights, number), _training ? Matrices(_b.DWeights, number) : []))];
            device.Upload([.. Enumerable.Range(0, _sizes.Steps * _paddedRows).Select(i => 1 + i / _paddedRows)], _b.PaddedLengths);
            _reserve = _releases.Add(new GrowingMemory(device, "cuDNN's reserve space"));
            var (workspace, reserve) = Measure(_sizes, handle, _descriptor);
            (WorkspaceBytes, _) = ((long)workspace, _reserve.AtLeast((long)reserve));
        }
        catch
        {
            _releases.Dispose();
            throw;
        }
    }

    /// <summary>What its longest sequences need of the workspace that all recurrences share.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Device memory that such a recurrence takes for itself, and what it needs of the workspace that all share.</summary>
    public static (long Own, long Workspace) Measure(CudnnLstmSizes sizes, nint handle, nint dropout, CudaPrecision precision)
    {
        using var releases = new Releases();
        var descriptor = Describe(sizes, dropout, precision, releases);
        Check(Cudnn.GetRnnWeightSpaceSize(handle, descriptor, out var weightBytes), "cudnnGetRNNWeightSpaceSize");
        var (workspace, reserve) = Measure(sizes, handle, descriptor);
        return (Arena.Measure(arena => Layout(arena, sizes, weightBytes)) + (long)reserve, (long)workspace);
    }

    static (nuint Workspace, nuint Reserve) Measure(CudnnLstmSizes sizes, nint handle, nint descriptor)
    {
        using var releases = new Releases();
        return Spaces(sizes, handle, descriptor, DataDescriptor(sizes, sizes.Steps, sizes.Inputs, releases));
    }

    static nint Describe(CudnnLstmSizes sizes, nint dropout, CudaPrecision precision, Releases releases)
    {
        Check(Cudnn.CreateRnnDescriptor(out var descriptor), "cudnnCreateRNNDescriptor");
        releases.Add(() => _ = Cudnn.DestroyRnnDescriptor(descriptor));
        Check(Cudnn.SetRnnDescriptor(descriptor, RnnAlgorithm.Standard, RnnCell.Lstm, RnnBias.OfInput,
            sizes.Directions == 1 ? RnnDirection.Unidirectional : RnnDirection.Bidirectional, RnnInput.Linear, CudnnDataType.Float,
            CudnnDataType.Float, precision == CudaPrecision.Tf32 ? CudnnMathType.Default : CudnnMathType.Fma,
            sizes.Inputs, sizes.Units, sizes.Units, 1, dropout, 0), "cudnnSetRNNDescriptor_v8");
        return descriptor;
    }

    static Buffers Layout(Arena arena, CudnnLstmSizes sizes, nuint weightBytes)
    {
        var (inputs, units, outputs, rows, allRows) = (sizes.Inputs, sizes.Units, sizes.Outputs, sizes.StateRows, sizes.Steps * sizes.PaddedRows);
        Tensor IfTraining(int r, int c) => sizes.Training ? arena.Take(r, c) : default;
        Tensor Space() => arena.Take(1, (int)((weightBytes + sizeof(float) - 1) / sizeof(float)));
        return new Buffers
        {
            Weights = Space(),
            DWeights = sizes.Training ? Space() : default,
            X = arena.Take(allRows, inputs),
            Y = arena.Take(allRows, outputs),
            DX = IfTraining(allRows, inputs),
            DY = IfTraining(allRows, outputs),
            Hx = arena.Take(rows, units),
            Cx = arena.Take(rows, units),
            Cy = arena.Take(rows, units),
            DHx = IfTraining(rows, units),
            DCx = IfTraining(rows, units),
            Lengths = arena.TakeIds(sizes.Rows),
            PaddedLengths = arena.TakeIds(allRows),
        };
    }

    static nint TensorDescriptor(Releases releases)
    {
        Check(Cudnn.CreateTensorDescriptor(out var descriptor), "cudnnCreateTensorDescriptor");
        releases.Add(() => _ = Cudnn.DestroyTensorDescriptor(descriptor));
        return descriptor;
    }

    // Four input matrices in the order of the gates i, f, u, o, then four recurrent ones. The directions of one layer are cuDNN's pseudo-layers.
    Matrix[] Matrices(Tensor space, int direction)
    {
        using var releases = new Releases();
        var (matrixDescriptor, biasDescriptor) = (TensorDescriptor(releases), TensorDescriptor(releases));
        var matrices = new Matrix[2 * Gates];
        for (var layer = 0; layer < matrices.Length; layer++)
        {
            Check(Cudnn.GetRnnWeightParams(_handle, _descriptor, direction, _weightBytes, space.Address, layer, matrixDescriptor, out var matrix,
                biasDescriptor, out var bias), "cudnnGetRNNWeightParams");
            var inputs = layer < Gates ? _inputs : _units;
            CheckExtent(matrixDescriptor, (long)_units * inputs, $"matrix {layer}");
            if (layer < Gates)
                CheckExtent(biasDescriptor, _units, $"bias {layer}");
            matrices[layer] = new Matrix(new Tensor(matrix, _units, inputs, inputs), layer < Gates ? new Tensor(bias, 1, _units, _units) : default);
        }

        return matrices;
    }

    static void CheckExtent(nint descriptor, long expected, string what)
    {
        const int maximumDimensions = 8;
        var sizes = stackalloc int[maximumDimensions];
        var strides = stackalloc int[maximumDimensions];
        Check(Cudnn.GetTensorNdDescriptor(descriptor, maximumDimensions, out var type, out var dimensions, sizes, strides), "cudnnGetTensorNdDescriptor");
        var count = 1L;
        for (var i = 0; i < dimensions; i++)
            count *= sizes[i];
        if (type != CudnnDataType.Float || count != expected)
            throw new CudaException($"cuDNN describes {what} of the LSTM as {count} values of type {type}, not {expected} of float.");
    }

    public void Forward()
    {
        var (n, b) = (_longest.Steps, _rows);
        var shape = ShapeOf(n);
        foreach (var direction in _directions)
            UploadWeights(direction);
        if (!_longest.Validity.IsEmpty)
            _device.SequenceLengths(_longest.Validity.RowRange(0, n * b), b, _b.Lengths);
        Gather(_longest.Input.RowRange(0, n * b), b, _b.X, _paddedRows, n);
        foreach (var direction in _directions)
        {
            var sequence = direction.Sequence;
            var initial = sequence.Direction == LstmDirection.Backward ? sequence.Steps : 0;
            Pad(sequence.H.RowRange(initial * b, b), StatesOf(direction, _b.Hx));
            Pad(sequence.C.RowRange(initial * b, b), StatesOf(direction, _b.Cx));
        }

        _device.EndRunOfKernels();
        Check(Cudnn.RnnForward(_handle, _descriptor, Mode(_training), shape.Lengths.Address, shape.XDescriptor, _b.X.Address, shape.YDescriptor, _b.Y.Address,
            _stateDescriptor, _b.Hx.Address, 0, _stateDescriptor, _b.Cx.Address, _b.Cy.Address, _weightBytes, _b.Weights.Address,
            shape.WorkspaceBytes, shape.Workspace, _training ? shape.ReserveBytes : 0, _training ? shape.Reserve : 0), "cudnnRNNForward");
        foreach (var direction in _directions)
        {
            var sequence = direction.Sequence;
            var first = sequence.Direction == LstmDirection.Backward ? 0 : b;
            Gather(OutputsOf(direction, _b.Y), _paddedRows, sequence.H.RowRange(first, sequence.Steps * b), b, sequence.Steps);
        }

        if (_longest.Direction == LstmDirection.Forward)
            _device.Copy(_b.Cy.RowRange(0, b), _longest.C.RowRange(n * b, b));
    }

    public void Backward()
    {
        var (n, b) = (_longest.Steps, _rows);
        var shape = ShapeOf(n);
        foreach (var direction in _directions)
        {
            var (dy, steps) = (OutputsOf(direction, _b.DY), direction.Sequence.Steps);
            Gather(direction.Sequence.DH.RowRange(0, steps * b), b, dy, _paddedRows, steps);
            if (steps < n)
                _device.Zero(dy.RowRange(steps * _paddedRows, (n - steps) * _paddedRows));
        }

        _device.EndRunOfKernels();
        Check(Cudnn.RnnBackwardData(_handle, _descriptor, shape.Lengths.Address, shape.YDescriptor, _b.Y.Address, _b.DY.Address, shape.XDescriptor,
            _b.DX.Address, _stateDescriptor, _b.Hx.Address, 0, _b.DHx.Address, _stateDescriptor, _b.Cx.Address, 0, _b.DCx.Address, _weightBytes,
            _b.Weights.Address, shape.WorkspaceBytes, shape.Workspace, shape.ReserveBytes, shape.Reserve), "cudnnRNNBackwardData_v8");

        // cuDNN only adds to the gradients.
        _device.Zero(_b.DWeights);
        _device.EndRunOfKernels();
        Check(Cudnn.RnnBackwardWeights(_handle, _descriptor, WeightGradientMode.Add, shape.Lengths.Address, shape.XDescriptor, _b.X.Address,
            _stateDescriptor, _b.Hx.Address, shape.YDescriptor, _b.Y.Address, _weightBytes, _b.DWeights.Address,
            shape.WorkspaceBytes, shape.Workspace, shape.ReserveBytes, shape.Reserve), "cudnnRNNBackwardWeights_v8");
        foreach (var direction in _directions)
            DownloadGradients(direction);
        if (!_longest.DInput.IsEmpty)
            InputGradient(_longest.DInput.RowRange(0, n * b));
        foreach (var direction in _directions)
        {
            _device.Copy(StatesOf(direction, _b.DHx).RowRange(0, b), direction.Sequence.DHRecurrent);
            _device.Copy(StatesOf(direction, _b.DCx).RowRange(0, b), direction.Sequence.DC);
        }
    }

    Tensor StatesOf(Direction direction, Tensor states) => states.RowRange(direction.Number * _paddedRows, _paddedRows);

    Tensor OutputsOf(Direction direction, Tensor outputs) => outputs.ColumnRange(direction.Number * _units, _units);

    void InputGradient(Tensor dInput)
    {
        // Of two directions the first speaks for both: cuDNN gives their sum.
        if (!_directions[0].Sequence.AddsToDInput)
        {
            Gather(_b.DX, _paddedRows, dInput, _rows, _longest.Steps);
            return;
        }

        // X has served.
        var ordered = _b.X.RowRange(0, dInput.Rows);
        Gather(_b.DX, _paddedRows, ordered, _rows, _longest.Steps);
        _device.Add(ordered, dInput, dInput);
    }

    void UploadWeights(Direction direction)
    {
        var (sequence, weights) = (direction.Sequence, direction.Weights);
        for (var gate = 0; gate < Gates; gate++)
        {
            _device.Transpose(Gate(sequence.InputWeight.Values, gate), weights[gate].Values);
            _device.Transpose(Gate(sequence.Recurrent.Values, gate), weights[Gates + gate].Values);
            _device.Copy(Gate(sequence.Bias, gate), weights[gate].Bias);
        }
    }

    void DownloadGradients(Direction direction)
    {
        var (sequence, dWeights) = (direction.Sequence, direction.DWeights);
        for (var gate = 0; gate < Gates; gate++)
        {
            _device.Transpose(dWeights[gate].Values, Gate(sequence.DInputWeight, gate));
            _device.Transpose(dWeights[Gates + gate].Values, Gate(sequence.DRecurrent, gate));
            _device.Copy(dWeights[gate].Bias, Gate(sequence.DBias, gate));
        }
    }

    Tensor Gate(Tensor all, int gate) => all.ColumnRange(gate * _units, _units);

    // Between the order of the batch and each row's own reading order; the same either way.
    void Gather(Tensor source, int sourceRows, Tensor target, int targetRows, int steps)
        => _device.GatherSteps(source, sourceRows, target.RowRange(0, steps * targetRows), targetRows,
            _longest.Validity.IsEmpty ? default : _b.Lengths, steps, _reverse);

    void Pad(Tensor state, Tensor padded) => _device.GatherSteps(state, _rows, padded, _paddedRows, default, 1, reverse: false);

    Shape ShapeOf(int steps)
    {
        if (_shapes.TryGetValue(steps, out var shape))
            return shape;
        var (x, y) = (DataDescriptor(_sizes, steps, _inputs, _releases), DataDescriptor(_sizes, steps, _sizes.Outputs, _releases));

        // Fewer steps need not need less.
        var (workspace, reserve) = Spaces(_sizes, _handle, _descriptor, x);
        shape = new Shape(x, y, _b.PaddedLengths.Range((steps - 1) * _paddedRows, _paddedRows), _owner.Workspace((long)workspace), workspace,
            _reserve.AtLeast((long)reserve), reserve);
        _shapes.Add(steps, shape);
        return shape;
    }

    static (nuint Workspace, nuint Reserve) Spaces(CudnnLstmSizes sizes, nint handle, nint descriptor, nint x)
    {
        Check(Cudnn.GetRnnTempSpaceSizes(handle, descriptor, Mode(sizes.Training), x, out var workspace, out var reserve), "cudnnGetRNNTempSpaceSizes");
        return (workspace, reserve);
    }

    static nint DataDescriptor(CudnnLstmSizes sizes, int steps, int vectorSize, Releases releases)
    {
        Check(Cudnn.CreateRnnDataDescriptor(out var descriptor), "cudnnCreateRNNDataDescriptor");
        releases.Add(() => _ = Cudnn.DestroyRnnDataDescriptor(descriptor));
        var lengths = new int[sizes.PaddedRows];
        Array.Fill(lengths, steps);
        float zero = 0;
        fixed (int* first = lengths)
        {
            Check(Cudnn.SetRnnDataDescriptor(descriptor, CudnnDataType.Float, RnnDataLayout.SequenceMajorPacked, steps, sizes.PaddedRows, vectorSize,
                first, &zero), "cudnnSetRNNDataDescriptor");
        }

        return descriptor;
    }

    static RnnForwardMode Mode(bool training) => training ? RnnForwardMode.Training : RnnForwardMode.Inference;

    static void Check(CudnnStatus status, string call) => CudaStatus.CheckCudnn(status, call, "running an LSTM");

    public void Dispose()
    {
        _releases.Dispose();
        _owner.Forget(this);
    }
}
