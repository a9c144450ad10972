using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// One recurrence without channel by cuDNN's RNN calls. cuDNN knows no lone backward direction, and a graph would keep the lengths of the batch that
/// it was captured with. So every row is brought to its own reading order first: it starts at step 0, backward rows from their own last token on, and
/// zeros follow its end. All rows then have the same length, and what cuDNN computes beyond a row's end is never read and has no gradient.
/// </summary>
sealed unsafe class CudnnLstm : IDisposable
{
    const int Gates = 4;

    readonly CudnnRecurrences _owner;
    readonly CudaDevice _device;
    readonly LstmSequence _sequence;
    readonly nint _handle;
    readonly nint _descriptor;
    readonly nint _stateDescriptor;
    readonly nuint _weightBytes;
    readonly Buffers _b;
    readonly Matrix[] _weights, _dWeights;
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

    // What depends on the number of steps.
    readonly record struct Shape(nint XDescriptor, nint YDescriptor, IdTensor Lengths, nint Workspace, nuint WorkspaceBytes, nint Reserve, nuint ReserveBytes);

    /// <param name="owner">Has the workspace of all recurrences.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="sequence">The recurrence.</param>
    /// <param name="handle">cuDNN's.</param>
    /// <param name="dropout">A descriptor of none.</param>
    /// <param name="precision">TF32 or float32.</param>
    public CudnnLstm(CudnnRecurrences owner, CudaDevice device, LstmSequence sequence, nint handle, nint dropout, CudaPrecision precision)
    {
        (_owner, _device, _sequence, _handle) = (owner, device, sequence, handle);
        _training = !sequence.DRecurrent.IsEmpty;
        _sizes = new CudnnLstmSizes(sequence.InputWeight.Values.Rows, sequence.Recurrent.Values.Rows, sequence.Gates.Rows / sequence.BatchSize,
            sequence.BatchSize, _training);
        (_inputs, _units, _rows, _paddedRows) = (_sizes.Inputs, _sizes.Units, _sizes.Rows, _sizes.PaddedRows);
        _reverse = sequence.Direction == LstmDirection.Backward;
        try
        {
            _descriptor = Describe(_sizes, dropout, precision, _releases);
            Check(Cudnn.GetRnnWeightSpaceSize(handle, _descriptor, out _weightBytes), "cudnnGetRNNWeightSpaceSize");
            _stateDescriptor = TensorDescriptor(_releases);
            var sizes = stackalloc int[] { 1, _paddedRows, _units };
            var strides = stackalloc int[] { _paddedRows * _units, _units, 1 };
            Check(Cudnn.SetTensorNdDescriptor(_stateDescriptor, CudnnDataType.Float, 3, sizes, strides), "cudnnSetTensorNdDescriptor");
            _releases.Add(Arena.Create(device, "cuDNN's copies of a recurrence", arena => Layout(arena, _sizes, _weightBytes), out _b));
            _weights = Matrices(_b.Weights);
            _dWeights = _training ? Matrices(_b.DWeights) : [];
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
        Check(Cudnn.SetRnnDescriptor(descriptor, RnnAlgorithm.Standard, RnnCell.Lstm, RnnBias.OfInput, RnnDirection.Unidirectional, RnnInput.Linear,
            CudnnDataType.Float, CudnnDataType.Float, precision == CudaPrecision.Tf32 ? CudnnMathType.Default : CudnnMathType.Fma,
            sizes.Inputs, sizes.Units, sizes.Units, 1, dropout, 0), "cudnnSetRNNDescriptor_v8");
        return descriptor;
    }

    static Buffers Layout(Arena arena, CudnnLstmSizes sizes, nuint weightBytes)
    {
        var (inputs, units, rows, allRows) = (sizes.Inputs, sizes.Units, sizes.PaddedRows, sizes.Steps * sizes.PaddedRows);
        Tensor IfTraining(int r, int c) => sizes.Training ? arena.Take(r, c) : default;
        Tensor Space() => arena.Take(1, (int)((weightBytes + sizeof(float) - 1) / sizeof(float)));
        return new Buffers
        {
            Weights = Space(),
            DWeights = sizes.Training ? Space() : default,
            X = arena.Take(allRows, inputs),
            Y = arena.Take(allRows, units),
            DX = IfTraining(allRows, inputs),
            DY = IfTraining(allRows, units),
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

    // Four input matrices in the order of the gates i, f, u, o, then four recurrent ones.
    Matrix[] Matrices(Tensor space)
    {
        using var releases = new Releases();
        var (matrixDescriptor, biasDescriptor) = (TensorDescriptor(releases), TensorDescriptor(releases));
        var matrices = new Matrix[2 * Gates];
        for (var layer = 0; layer < matrices.Length; layer++)
        {
            Check(Cudnn.GetRnnWeightParams(_handle, _descriptor, 0, _weightBytes, space.Address, layer, matrixDescriptor, out var matrix,
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
        var (n, b) = (_sequence.Steps, _rows);
        var shape = ShapeOf(n);
        UploadWeights();
        if (!_sequence.Validity.IsEmpty)
            _device.SequenceLengths(_sequence.Validity.RowRange(0, n * b), b, _b.Lengths);
        Gather(_sequence.Input.RowRange(0, n * b), b, _b.X, _paddedRows);
        var initial = _reverse ? n : 0;
        Pad(_sequence.H.RowRange(initial * b, b), _b.Hx);
        Pad(_sequence.C.RowRange(initial * b, b), _b.Cx);
        _device.EndRunOfKernels();
        Check(Cudnn.RnnForward(_handle, _descriptor, Mode(_training), shape.Lengths.Address, shape.XDescriptor, _b.X.Address, shape.YDescriptor, _b.Y.Address,
            _stateDescriptor, _b.Hx.Address, 0, _stateDescriptor, _b.Cx.Address, _b.Cy.Address, _weightBytes, _b.Weights.Address,
            shape.WorkspaceBytes, shape.Workspace, _training ? shape.ReserveBytes : 0, _training ? shape.Reserve : 0), "cudnnRNNForward");
        Gather(_b.Y, _paddedRows, _sequence.H.RowRange(_reverse ? 0 : b, n * b), b);
        if (!_reverse)
            _device.Copy(_b.Cy.RowRange(0, b), _sequence.C.RowRange(n * b, b));
    }

    public void Backward()
    {
        var (n, b) = (_sequence.Steps, _rows);
        var shape = ShapeOf(n);
        Gather(_sequence.DH.RowRange(0, n * b), b, _b.DY, _paddedRows);
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
        DownloadGradients();
        if (!_sequence.DInput.IsEmpty)
            InputGradient(_sequence.DInput.RowRange(0, n * b));
        _device.Copy(_b.DHx.RowRange(0, b), _sequence.DHRecurrent);
        _device.Copy(_b.DCx.RowRange(0, b), _sequence.DC);
    }

    void InputGradient(Tensor dInput)
    {
        if (!_sequence.AddsToDInput)
        {
            Gather(_b.DX, _paddedRows, dInput, _rows);
            return;
        }

        // X has served.
        var ordered = _b.X.RowRange(0, dInput.Rows);
        Gather(_b.DX, _paddedRows, ordered, _rows);
        _device.Add(ordered, dInput, dInput);
    }

    void UploadWeights()
    {
        for (var gate = 0; gate < Gates; gate++)
        {
            _device.Transpose(Gate(_sequence.InputWeight.Values, gate), _weights[gate].Values);
            _device.Transpose(Gate(_sequence.Recurrent.Values, gate), _weights[Gates + gate].Values);
            _device.Copy(Gate(_sequence.Bias, gate), _weights[gate].Bias);
        }
    }

    void DownloadGradients()
    {
        for (var gate = 0; gate < Gates; gate++)
        {
            _device.Transpose(_dWeights[gate].Values, Gate(_sequence.DInputWeight, gate));
            _device.Transpose(_dWeights[Gates + gate].Values, Gate(_sequence.DRecurrent, gate));
            _device.Copy(_dWeights[gate].Bias, Gate(_sequence.DBias, gate));
        }
    }

    Tensor Gate(Tensor all, int gate) => all.ColumnRange(gate * _units, _units);

    // Between the order of the batch and each row's own reading order; the same either way.
    void Gather(Tensor source, int sourceRows, Tensor target, int targetRows)
        => _device.GatherSteps(source, sourceRows, target.RowRange(0, _sequence.Steps * targetRows), targetRows,
            _sequence.Validity.IsEmpty ? default : _b.Lengths, _sequence.Steps, _reverse);

    void Pad(Tensor state, Tensor padded) => _device.GatherSteps(state, _rows, padded, _paddedRows, default, 1, reverse: false);

    Shape ShapeOf(int steps)
    {
        if (_shapes.TryGetValue(steps, out var shape))
            return shape;
        var (x, y) = (DataDescriptor(_sizes, steps, _inputs, _releases), DataDescriptor(_sizes, steps, _units, _releases));

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
