using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    double* _partialSums;
    int _partialSumCapacity;

    protected override void GradientNormCore(Tensor gradients, Tensor result)
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

    protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
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
        _pool.Run(job, (parameters.Columns + ReductionBlock - 1) / ReductionBlock, 1);
    }

    static double SquareSum(float* x, int n)
    {
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
        for (var j = 0; j < n; j += Lanes.Width)
        {
            Vector.Widen(Lanes.Load(x + j, n - j), out var first, out var second);
            low += first * first;
            high += second * second;
        }

        return Vector.Sum(low + high);
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

    struct Adam : IRangeJob
    {
        public float* Parameters, Gradients, FirstMoments, SecondMoments;
        public int Count;
        public float GradientScale, Beta1, Beta2, Epsilon, StepSize, InverseCorrection2;

        public readonly void Execute(int start, int end)
        {
            var last = (int)Math.Min((long)end * ReductionBlock, Count);
            var j = start * ReductionBlock;
            for (var whole = j + Lanes.Whole(last - j); j < whole; j += Lanes.Width)
                Update(j, Lanes.Width);
            if (j < last)
                Update(j, last - j);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Update(int j, int left)
        {
            var g = new Vector<float>(GradientScale) * Lanes.Load(Gradients + j, left);
            var m = new Vector<float>(Beta1) * Lanes.Load(FirstMoments + j, left) + new Vector<float>(1 - Beta1) * g;
            var v = new Vector<float>(Beta2) * Lanes.Load(SecondMoments + j, left) + new Vector<float>(1 - Beta2) * g * g;
            Lanes.Store(m, FirstMoments + j, left);
            Lanes.Store(v, SecondMoments + j, left);
            var update = new Vector<float>(StepSize) * m / (Vector.SquareRoot(v * InverseCorrection2) + new Vector<float>(Epsilon));
            Lanes.Store(Lanes.Load(Parameters + j, left) - update, Parameters + j, left);
        }
    }
}
