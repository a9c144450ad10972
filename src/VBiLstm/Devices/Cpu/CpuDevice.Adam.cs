using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    double* _partialSums;
    int _partialSumCapacity;

    private protected override void GradientNormCore(Tensor gradients, Tensor result)
    {
        var blocks = (gradients.Columns + ReductionBlock - 1) / ReductionBlock;
        if (blocks > _partialSumCapacity)
        {
            _partialSums = (double*)NativeMemory.Realloc(_partialSums, (nuint)blocks * sizeof(double));
            _partialSumCapacity = blocks;
        }

        _pool.Run(new SquareSums { X = gradients, PartialSums = _partialSums }, blocks, 1);
        var sum = 0.0;
        for (var i = 0; i < blocks; i++)
            sum += _partialSums[i];
        *Start(result) = (float)Math.Sqrt(sum);
    }

    private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        var norm = *Start(arguments.Norm);
        var halted = Start(arguments.Halted);
        var finite = float.IsFinite(norm) && float.IsFinite(*Start(arguments.Objective));
        if (!finite && arguments.HaltOnNonFinite)
            *halted = 1;
        if (!finite || *halted != 0)
            return;
        var job = new Adam
        {
            Parameters = Start(parameters),
            Gradients = Start(gradients),
            FirstMoments = Start(firstMoments),
            SecondMoments = Start(secondMoments),
            Count = parameters.Columns,
            GradientScale = arguments.Clip > 0 && norm > arguments.Clip ? arguments.Clip / norm : 1,
            Beta1 = arguments.Beta1,
            Beta2 = arguments.Beta2,
            Epsilon = arguments.Epsilon,
            StepSize = *Start(arguments.Rate) / *Start(arguments.Correction1),
            InverseCorrection2 = 1 / *Start(arguments.Correction2),
        };
        RunElements(job, (parameters.Columns + ReductionBlock - 1) / ReductionBlock, 1);
    }

    static double SquareSum(float* x, int n)
    {
        // Of one width everywhere, because its bits depend on it; memory is what it waits for.
        Vector256<double> low = Vector256<double>.Zero, high = Vector256<double>.Zero;
        var j = 0;
        for (; j + Vector256<float>.Count <= n; j += Vector256<float>.Count)
        {
            var (first, second) = Vector256.Widen(Vector256.Load(x + j));
            low += first * first;
            high += second * second;
        }

        if (j < n)
        {
            var tail = Vector256<float>.Zero;
            for (var i = j; i < n; i++)
                tail = tail.WithElement(i - j, x[i]);
            var (first, second) = Vector256.Widen(tail);
            low += first * first;
            high += second * second;
        }

        var sums = low + high;
        return sums[0] + sums[1] + (sums[2] + sums[3]);
    }

    struct SquareSums : IRangeJob
    {
        public Tensor X;
        public double* PartialSums;

        public readonly void Execute(int start, int end)
        {
            for (var block = start; block < end; block++)
            {
                var x = Start(X) + (nint)block * ReductionBlock;
                var count = Math.Min(ReductionBlock, X.Columns - block * ReductionBlock);
                PartialSums[block] = SquareSum(x, count);
            }
        }
    }

    struct Adam : IElementJob
    {
        public float* Parameters, Gradients, FirstMoments, SecondMoments;
        public int Count;
        public float GradientScale, Beta1, Beta2, Epsilon, StepSize, InverseCorrection2;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var last = (int)Math.Min((long)end * ReductionBlock, Count);
            var j = start * ReductionBlock;
            for (var whole = j + Lanes.Whole<T>(last - j); j < whole; j += T.Width)
                Update<T>(j, T.Width);
            if (j < last)
                Update<T>(j, last - j);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Update<T>(int j, int left) where T : unmanaged, ILanes<T>
        {
            var g = T.Create(GradientScale) * Lanes.Load<T>(Gradients + j, left);
            var m = T.Create(Beta1) * Lanes.Load<T>(FirstMoments + j, left) + T.Create(1 - Beta1) * g;
            var v = T.Create(Beta2) * Lanes.Load<T>(SecondMoments + j, left) + T.Create(1 - Beta2) * g * g;
            Lanes.Store(m, FirstMoments + j, left);
            Lanes.Store(v, SecondMoments + j, left);
            var update = T.Create(StepSize) * m / (T.SquareRoot(v * T.Create(InverseCorrection2)) + T.Create(Epsilon));
            Lanes.Store(Lanes.Load<T>(Parameters + j, left) - update, Parameters + j, left);
        }
    }
}
