using System.Numerics;
using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    double* _partialSums;
    int _partialSumCapacity;

    public override void GradientNorm(Tensor gradients, Tensor result)
    {
        CheckShape(gradients.Rows == 1);
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

    public override void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        CheckShape(parameters.Rows == 1 && gradients.Columns == parameters.Columns && firstMoments.Columns == parameters.Columns && secondMoments.Columns == parameters.Columns);
        var norm = *Start(arguments.Norm);
        if (!float.IsFinite(norm) || !float.IsFinite(*Start(arguments.Objective)))
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
                Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
                for (var j = 0; j < count; j += Lanes.Width)
                {
                    Vector.Widen(Lanes.Load(x + j, count - j), out var first, out var second);
                    low += first * first;
                    high += second * second;
                }

                PartialSums[block] = Vector.Sum(low + high);
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
            var last = Math.Min((nint)end * ReductionBlock, Count);
            var scale = new Vector<float>(GradientScale);
            var (beta1, rest1) = (new Vector<float>(Beta1), new Vector<float>(1 - Beta1));
            var (beta2, rest2) = (new Vector<float>(Beta2), new Vector<float>(1 - Beta2));
            var epsilon = new Vector<float>(Epsilon);
            var stepSize = new Vector<float>(StepSize);
            var inverseCorrection2 = new Vector<float>(InverseCorrection2);
            for (var j = (nint)start * ReductionBlock; j < last; j += Lanes.Width)
            {
                var left = (int)(last - j);
                var g = scale * Lanes.Load(Gradients + j, left);
                var m = beta1 * Lanes.Load(FirstMoments + j, left) + rest1 * g;
                var v = beta2 * Lanes.Load(SecondMoments + j, left) + rest2 * g * g;
                Lanes.Store(m, FirstMoments + j, left);
                Lanes.Store(v, SecondMoments + j, left);
                var update = stepSize * m / (Vector.SquareRoot(v * inverseCorrection2) + epsilon);
                Lanes.Store(Lanes.Load(Parameters + j, left) - update, Parameters + j, left);
            }
        }
    }
}
