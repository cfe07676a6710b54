# SPDX-License-Identifier: MIT
"""Models of normflows."""

import normflows as nf
import torch
from checkpoints import Checkpoint
from torch import nn


def flow(name, flows, dim, context=0, base=None, **more):
    base = base or nf.distributions.DiagGaussian(dim, trainable=False)
    model = (nf.ConditionalNormalizingFlow if context else nf.NormalizingFlow)(base, flows)

    def given(c):
        return {} if c is None else {"context": c}

    return Checkpoint(name, model, lambda x, c: model.log_prob(x, **given(c)),
                      lambda x, c: model.inverse(x, **given(c)), lambda z, c: model.forward(z, **given(c)),
                      dim, context, **more)  # fmt: skip


def cases():
    flows, b = [], torch.tensor([1.0, 0, 1, 0, 0])
    for k in range(4):
        s, t = nf.nets.MLP([5, 6, 6, 5]), nf.nets.MLP([5, 6, 6, 5])
        flows += [nf.flows.MaskedAffineFlow(b if k % 2 else 1 - b, t, s), nf.flows.ActNorm(5)]
    norm = [f for f in flows if isinstance(f, nf.flows.ActNorm)]
    for f in norm:
        f.data_dep_init_done.fill_(1)
    flows.append(nf.flows.MaskedAffineFlow(b, nf.nets.MLP([5, 4, 5])))
    yield flow("normflows_masked", flows, 5, fixture=True, deviation=0.1)

    def block(d_in, d_out, **more):
        return nf.flows.AffineCouplingBlock(nf.nets.MLP([d_in, 7, 9, d_out], leaky=0.01), **more)

    flows = [block(3, 4), nf.flows.Permute(5, "swap"), block(3, 4), nf.flows.Permute(5), block(2, 3, scale=False, split_mode="channel_inv")]
    yield flow("normflows_blocks", flows, 5, hints="act=leaky", base=nf.distributions.DiagGaussian(5))
    flows = [block(2, 4, scale_map="sigmoid"), nf.flows.InvertibleAffine(4), block(2, 4, scale_map="sigmoid_inv", split_mode="channel_inv"), nf.flows.InvertibleAffine(4, use_lu=False)]
    yield flow("normflows_sigmoid", flows, 4, forms=("whole",))
    flows = []
    for k in range(2):
        flows += [nf.flows.CoupledRationalQuadraticSpline(5, 1, 6, 2, num_bins=4, reverse_mask=k % 2 == 0), nf.flows.LULinearPermute(5)]
    yield flow("normflows_nsf", flows, 5, 2)
    flows = [nf.flows.AutoregressiveRationalQuadraticSpline(4, 1, 8, 3, num_bins=5, permute_mask=True), nf.flows.LULinearPermute(4), nf.flows.AutoregressiveRationalQuadraticSpline(4, 2, 8, 3, num_bins=5)]
    yield flow("normflows_arqs", flows, 4, 3)
    flows = [nf.flows.MaskedAffineAutoregressive(4, 8, num_blocks=1), nf.flows.LULinearPermute(4)]
    yield flow("normflows_maf", flows, 4)
    flows = [nf.flows.CoupledRationalQuadraticSpline(4, 1, 8, num_bins=4, tails="circular", tail_bound=3.0, reverse_mask=k) for k in (True, False)]
    yield flow("normflows_circular", flows, 4, base=nf.distributions.base.Uniform(4, -3.0, 3.0), forms=("whole",),
               box=([-3.0] * 4, [3.0] * 4), latent_box=(-2.9, 2.9))  # fmt: skip
    base = nf.distributions.GaussianMixture(3, 2, trainable=True)
    yield flow("normflows_mixture", [nf.flows.AffineConstFlow(2)], 2, base=base)
