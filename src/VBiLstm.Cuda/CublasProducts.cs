using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// Matrix products on one stream with one explicit workspace, so that they give the same bits every time: cuBLAS where there is no bias, cuBLASLt, which adds
/// the bias on the way out, where there is. The row-major matrices of <see cref="Tensor"/> are the transposes of cuBLAS's column-major ones.
/// </summary>
sealed unsafe class CublasProducts : IDisposable
{
    // cuBLASLt's epilogue reads the bias in vectors.
    const int BiasAlignment = 16;

    readonly nint _stream;
    readonly nint _workspace;
    readonly nuint _workspaceBytes;
    readonly CublasComputeType _computeType;
    readonly bool _roundsOperands;
    readonly nint _handle;
    readonly nint _lightHandle;
    readonly Dictionary<PlanKey, Plan?> _plans = [];
    readonly Releases _releases = new();

    // A product with a bias: its sizes, distances between rows, and what the addresses can be divided by.
    readonly record struct PlanKey(int Inner, int Columns, int Rows, int WeightStride, int XStride, int YStride, int WeightAlignment, int XAlignment,
        int YAlignment);

    readonly record struct Plan(nint Operation, nint LayoutA, nint LayoutB, nint LayoutD, CublasLtAlgorithm Algorithm);

    /// <param name="stream">Where the products run.</param>
    /// <param name="workspace">Device memory for their scratch.</param>
    /// <param name="workspaceBytes">Its size.</param>
    /// <param name="precision">What becomes of the operands.</param>
    public CublasProducts(nint stream, nint workspace, nuint workspaceBytes, CudaPrecision precision)
    {
        NativeLibraries.Require(NativeLibraries.Cublas);
        NativeLibraries.Require(NativeLibraries.CublasLt);
        (_stream, _workspace, _workspaceBytes) = (stream, workspace, workspaceBytes);
        _computeType = precision == CudaPrecision.Tf32 ? CublasComputeType.Float32FastTf32 : CublasComputeType.Float32;
        _roundsOperands = precision == CudaPrecision.Bf16;
        try
        {
            CudaStatus.CheckCublas(Cublas.Create(out _handle), "cublasCreate", "starting cuBLAS");
            _releases.Add(() => _ = Cublas.Destroy(_handle));
            CudaStatus.CheckCublas(Cublas.GetVersion(_handle, out var version), "cublasGetVersion", "starting cuBLAS");
            Version = version;

            // Setting the stream takes a workspace away, so the workspace comes after it.
            CudaStatus.CheckCublas(Cublas.SetStream(_handle, stream), "cublasSetStream", "starting cuBLAS");
            CudaStatus.CheckCublas(Cublas.SetWorkspace(_handle, workspace, workspaceBytes), "cublasSetWorkspace", "starting cuBLAS");
            CudaStatus.CheckCublas(CublasLt.Create(out _lightHandle), "cublasLtCreate", "starting cuBLASLt");
            _releases.Add(() => _ = CublasLt.Destroy(_lightHandle));
        }
        catch
        {
            _releases.Dispose();
            throw;
        }
    }

    /// <summary>10000 · major + 100 · minor + patch.</summary>
    public int Version { get; }

    CublasDataType OperandType => _roundsOperands ? CublasDataType.Bfloat16 : CublasDataType.Float32;

    int OperandBytes => _roundsOperands ? Tensor.OperandBytes : sizeof(float);

    // Where a product reads x.
    nint OperandOf(Tensor x)
    {
        if (!_roundsOperands)
            return x.Address;
        return x.Operand != 0 ? x.Operand
            : throw new InvalidOperationException($"A product reads a tensor [{x.Rows}, {x.Columns}] that has no operand in bf16: take it for products.");
    }

    /// <summary>y = x W, or y += x W. Shapes as in <see cref="Device.Multiply"/>.</summary>
    public void Multiply(Tensor x, Tensor w, Tensor y, bool accumulate)
        => Run(CublasOperation.None, w, CublasOperation.None, x, y, x.Columns, accumulate, "multiplying by a weight");

    /// <summary>dx = dy Wᵀ, or dx += dy Wᵀ.</summary>
    public void MultiplyTransposed(Tensor dy, Tensor w, Tensor dx, bool accumulate)
        => Run(CublasOperation.Transpose, w, CublasOperation.None, dy, dx, dy.Columns, accumulate, "multiplying by a transposed weight");

    /// <summary>dW = xᵀ dy, or dW += xᵀ dy.</summary>
    public void WeightGradient(Tensor x, Tensor dy, Tensor dw, bool accumulate)
        => Run(CublasOperation.None, dy, CublasOperation.Transpose, x, dw, dy.Rows, accumulate, "computing a weight's gradient");

    // Column-major: resultᵀ = op(a) op(b).
    void Run(CublasOperation transposeA, Tensor a, CublasOperation transposeB, Tensor b, Tensor result, int inner, bool accumulate, string doing)
    {
        float alpha = 1, beta = accumulate ? 1 : 0;
        CudaStatus.CheckCublas(
            Cublas.GemmEx(_handle, transposeA, transposeB, result.Columns, result.Rows, inner, &alpha, OperandOf(a), OperandType, a.Stride,
                OperandOf(b), OperandType, b.Stride, &beta, result.Address, CublasDataType.Float32, result.Stride, _computeType,
                CublasAlgorithm.Default),
            "cublasGemmEx", doing);
    }

    /// <summary>y = x W + bias where cuBLASLt has a way; false, and nothing done, where it refuses these shapes, then and from then on.</summary>
    public bool TryMultiplyAddBias(Tensor x, Tensor w, Tensor bias, Tensor y)
    {
        // Vectors and columns are what cuBLASLt's epilogues serve worst, where they serve them.
        if (x.Rows == 1 || x.Columns == 1 || y.Columns == 1 || bias.Address % BiasAlignment != 0)
            return false;
        var (right, left) = (OperandOf(w), OperandOf(x));
        var key = new PlanKey(x.Columns, y.Columns, y.Rows, w.Stride, x.Stride, y.Stride, AlignmentOf(right, w.Stride * OperandBytes),
            AlignmentOf(left, x.Stride * OperandBytes), AlignmentOf(y.Address, y.Stride * sizeof(float)));
        if (!_plans.TryGetValue(key, out var known))
            _plans.Add(key, known = Prepare(key, bias.Address));
        if (known is not { } plan)
            return false;
        var biasAddress = bias.Address;
        SetOperation(plan.Operation, CublasLtAttribute.BiasPointer, &biasAddress, sizeof(nint));
        float alpha = 1, beta = 0;
        var algorithm = plan.Algorithm;
        var status = CublasLt.Matmul(_lightHandle, plan.Operation, &alpha, right, plan.LayoutA, left, plan.LayoutB, &beta, y.Address, plan.LayoutD,
            y.Address, plan.LayoutD, &algorithm, _workspace, _workspaceBytes, _stream);
        if (IsRefusal(status))
        {
            _plans[key] = null;
            return false;
        }

        CudaStatus.CheckCublas(status, "cublasLtMatmul", "multiplying by a weight and adding a bias");
        return true;
    }

    static bool IsRefusal(CublasStatus status)
        => status is CublasStatus.NotSupported or CublasStatus.InvalidValue or CublasStatus.ArchitectureMismatch;

    Plan? Prepare(in PlanKey key, nint bias)
    {
        const string doing = "planning a product with a bias";
        CudaStatus.CheckCublas(CublasLt.MatmulDescCreate(out var operation, _computeType, CublasDataType.Float32), "cublasLtMatmulDescCreate", doing);
        _releases.Add(() => _ = CublasLt.MatmulDescDestroy(operation));
        var epilogue = CublasLtEpilogue.Bias;
        SetOperation(operation, CublasLtAttribute.Epilogue, &epilogue, sizeof(CublasLtEpilogue));

        // The heuristic looks at the pointer's alignment.
        SetOperation(operation, CublasLtAttribute.BiasPointer, &bias, sizeof(nint));
        var (layoutA, layoutB, layoutD) = (CreateLayout(OperandType, key.Columns, key.Inner, key.WeightStride),
            CreateLayout(OperandType, key.Inner, key.Rows, key.XStride), CreateLayout(CublasDataType.Float32, key.Columns, key.Rows, key.YStride));
        CudaStatus.CheckCublas(CublasLt.MatmulPreferenceCreate(out var preference), "cublasLtMatmulPreferenceCreate", doing);
        try
        {
            var workspaceBytes = (ulong)_workspaceBytes;
            Prefer(preference, CublasLtPreference.MaximumWorkspaceBytes, &workspaceBytes, sizeof(ulong));
            Prefer(preference, CublasLtPreference.MinimumAlignmentA, key.WeightAlignment);
            Prefer(preference, CublasLtPreference.MinimumAlignmentB, key.XAlignment);
            Prefer(preference, CublasLtPreference.MinimumAlignmentC, key.YAlignment);
            Prefer(preference, CublasLtPreference.MinimumAlignmentD, key.YAlignment);
            CublasLtHeuristic heuristic;
            var status = CublasLt.MatmulAlgoGetHeuristic(_lightHandle, operation, layoutA, layoutB, layoutD, layoutD, preference, 1, &heuristic, out var found);
            if (IsRefusal(status) || status == CublasStatus.InternalError)
                return null;
            CudaStatus.CheckCublas(status, "cublasLtMatmulAlgoGetHeuristic", $"{doing} ({key.Rows} × {key.Inner} × {key.Columns})");
            return found == 0 ? null : new Plan(operation, layoutA, layoutB, layoutD, heuristic.Algorithm);
        }
        finally
        {
            _ = CublasLt.MatmulPreferenceDestroy(preference);
        }
    }

    nint CreateLayout(CublasDataType type, int rows, int columns, int stride)
    {
        CudaStatus.CheckCublas(CublasLt.MatrixLayoutCreate(out var layout, type, (ulong)rows, (ulong)columns, stride),
            "cublasLtMatrixLayoutCreate", "planning a product with a bias");
        _releases.Add(() => _ = CublasLt.MatrixLayoutDestroy(layout));
        return layout;
    }

    static void SetOperation(nint operation, CublasLtAttribute attribute, void* value, int bytes)
        => CudaStatus.CheckCublas(CublasLt.MatmulDescSetAttribute(operation, attribute, value, (nuint)bytes), "cublasLtMatmulDescSetAttribute",
            "planning a product with a bias");

    static void Prefer(nint preference, CublasLtPreference attribute, int value) => Prefer(preference, attribute, &value, sizeof(int));

    static void Prefer(nint preference, CublasLtPreference attribute, void* value, int bytes)
        => CudaStatus.CheckCublas(CublasLt.MatmulPreferenceSetAttribute(preference, attribute, value, (nuint)bytes), "cublasLtMatmulPreferenceSetAttribute",
            "planning a product with a bias");

    // The largest power of two, up to 256, that divides every row's address.
    static int AlignmentOf(nint address, int rowBytes)
    {
        var bits = (ulong)(address | rowBytes | 256);
        return (int)(bits & (0 - bits));
    }

    public void Dispose() => _releases.Dispose();
}
