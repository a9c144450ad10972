using static TorchSharp.torch;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>The loop as it is usually written: autograd accumulates every weight gradient time step by time step.</summary>
sealed class AutogradSide(StepSizes sizes, int threads) : TorchSide(sizes, threads, deferred: false)
{
    protected override LoopResults Loop(Tensor ax, Tensor qb, Tensor epsilonZ, Tensor epsilonB, Tensor mask)
    {
        var results = new LoopResults();
        var (h, c) = (zeros(B, H), zeros(B, H));
        results.H.Add(h);
        for (var t = 0; t < T; t++)
        {
            var hBar = mask[t] * h + (1 - mask[t]) * h.detach();
            var posteriorOutput = Affine(P("posterior.output.bias"), Hidden(Affine(qb[t], hBar, P("posterior.hidden.weight_h"))), P("posterior.output.weight"));
            var z = Sample(posteriorOutput, epsilonZ[t]);
            var latent = z.mm(P("latent_stack"));
            var psiOutput = Affine(P("psi.output.bias"), Hidden(latent.narrow(1, 0, M) + P("psi.hidden.bias")), P("psi.output.weight"));
            var bTilde = Sample(psiOutput, epsilonB[t]);
            var a = Affine(Affine(ax[t] + latent.narrow(1, M, 4 * H), h, P("forward_lstm.weight_recurrent")), bTilde, P("forward_lstm.weight_b_tilde"));
            (h, c) = Cell(a, c);
            results.HBar.Add(hBar);
            results.Z.Add(z);
            results.PosteriorOutput.Add(posteriorOutput);
            results.PsiOutput.Add(psiOutput);
            results.H.Add(h);
        }

        return results;
    }

    protected override void Backward(Tensor objective) => objective.backward();
}
