using static TorchSharp.torch;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>
/// The loop with weight gradients deferred: it runs on detached weights, every pre-activation starts from a leaf whose gradient autograd collects
/// over all time steps, and each weight gradient is one product after the backward pass.
/// </summary>
sealed class DeferredSide(StepSizes sizes, int threads) : TorchSide(sizes, threads, deferred: true)
{
    readonly List<Tensor> _posteriorHidden = [];
    readonly List<Tensor> _psiHidden = [];
    readonly List<Tensor> _bTilde = [];
    LoopResults _results = new();
    Tensor _ax = null!, _qb = null!;
    Tensor _axLeaf = null!, _qbLeaf = null!, _posteriorLeaf = null!, _psiHiddenLeaf = null!, _psiLeaf = null!;

    protected override LoopResults Loop(Tensor ax, Tensor qb, Tensor epsilonZ, Tensor epsilonB, Tensor mask)
    {
        (_ax, _qb) = (ax, qb);
        _axLeaf = ax.detach().requires_grad_();
        _qbLeaf = qb.detach().requires_grad_();
        _posteriorLeaf = Leaf("posterior.output.bias");
        _psiHiddenLeaf = Leaf("psi.hidden.bias");
        _psiLeaf = Leaf("psi.output.bias");
        _posteriorHidden.Clear();
        _psiHidden.Clear();
        _bTilde.Clear();
        var (hiddenStack, latentStack) = (P("hidden_stack").detach(), P("latent_stack").detach());
        var (posteriorWeight, psiWeight, bTildeWeight) = (P("posterior.output.weight").detach(), P("psi.output.weight").detach(),
            P("forward_lstm.weight_b_tilde").detach());
        var (axSteps, qbSteps, posteriorSteps) = (_axLeaf.unbind(0), _qbLeaf.unbind(0), _posteriorLeaf.unbind(0));
        var (psiHiddenSteps, psiSteps) = (_psiHiddenLeaf.unbind(0), _psiLeaf.unbind(0));
        _results = new LoopResults();
        var (h, c) = (zeros(B, H), zeros(B, H));
        _results.H.Add(h);
        for (var t = 0; t < T; t++)
        {
            var (kept, dropped) = (mask[t], 1 - mask[t]);
            var product = h.mm(hiddenStack);
            var posteriorPart = product.narrow(1, 0, M);
            var posteriorHidden = Hidden(qbSteps[t] + kept * posteriorPart + dropped * posteriorPart.detach());
            var posteriorOutput = Affine(posteriorSteps[t], posteriorHidden, posteriorWeight);
            var z = Sample(posteriorOutput, epsilonZ[t]);
            var latent = z.mm(latentStack);
            var psiHidden = Hidden(latent.narrow(1, 0, M) + psiHiddenSteps[t]);
            var psiOutput = Affine(psiSteps[t], psiHidden, psiWeight);
            var bTilde = Sample(psiOutput, epsilonB[t]);
            var a = Affine(axSteps[t] + product.narrow(1, M, 4 * H) + latent.narrow(1, M, 4 * H), bTilde, bTildeWeight);
            _results.HBar.Add(kept * h + dropped * h.detach());
            (h, c) = Cell(a, c);
            _results.Z.Add(z);
            _results.PosteriorOutput.Add(posteriorOutput);
            _results.PsiOutput.Add(psiOutput);
            _results.H.Add(h);
            _posteriorHidden.Add(posteriorHidden);
            _psiHidden.Add(psiHidden);
            _bTilde.Add(bTilde);
        }

        return _results;
    }

    protected override void Backward(Tensor objective)
    {
        objective.backward(retain_graph: true);
        var (dAx, dQb) = (_axLeaf.grad!, _qbLeaf.grad!);
        autograd.backward([_ax, _qb], [dAx, dQb]);
        using var noGradient = no_grad();
        var (dA, dPosteriorHidden) = (dAx.flatten(0, 1), dQb.flatten(0, 1));
        var (dPosterior, dPsiHidden, dPsi) = (_posteriorLeaf.grad!.flatten(0, 1), _psiHiddenLeaf.grad!.flatten(0, 1), _psiLeaf.grad!.flatten(0, 1));
        Set("hidden_stack", Transposed(_results.H.Take(T)).mm(cat([dPosteriorHidden, dA], 1)));
        Set("latent_stack", Transposed(_results.Z).mm(cat([dPsiHidden, dA], 1)));
        Set("forward_lstm.weight_b_tilde", Transposed(_bTilde).mm(dA));
        Set("posterior.output.weight", Transposed(_posteriorHidden).mm(dPosterior));
        Set("posterior.output.bias", dPosterior.sum(dim: 0));
        Set("psi.hidden.bias", dPsiHidden.sum(dim: 0));
        Set("psi.output.weight", Transposed(_psiHidden).mm(dPsi));
        Set("psi.output.bias", dPsi.sum(dim: 0));
    }

    Tensor Leaf(string bias)
    {
        var values = P(bias).detach();
        return values.expand(T, B, values.shape[0]).contiguous().requires_grad_();
    }

    static Tensor Transposed(IEnumerable<Tensor> steps) => cat(steps.ToList(), 0).t();

    void Set(string name, Tensor gradient) => P(name).grad = gradient.MoveToOuterDisposeScope();
}
