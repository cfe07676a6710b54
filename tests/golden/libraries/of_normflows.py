# SPDX-License-Identifier: MIT
"""Flows of normflows, whose layers run from the latent to the data: `inverse` is the density's
direction, and a layer whose formula is stated from the latent is inverted (~) in clflow's text."""

import normflows
import torch
from libraries.case import Case, Density
from libraries.of_nflows import of_linear, of_lu, of_made, of_resnet
from normflows import flows
from torch import nn


class Flow(Density):
    """Layers in the density's order."""

    def __init__(self, layers, base):
        super().__init__()
        self.layers, self.base = nn.ModuleList(layers), base

    def forward(self, x, c):
        given = {} if c is None else {"context": c}
        logdet = x.new_zeros(len(x))
        for layer in self.layers:
            x, more = layer.inverse(x, **given)
            logdet = logdet + more
        return x, logdet, self.base.log_prob(x)

    def invert(self, z, c):
        given = {} if c is None else {"context": c}
        for layer in reversed(self.layers):
            z, _ = layer(z, **given)
        return z


def normal(dim):
    return normflows.distributions.DiagGaussian(dim, trainable=False)


class Spline(nn.Module):
    """A spline coupling whose unconditional numbers are one tensor, as clflow stores them."""

    PARTS = ("widths", "heights", "derivatives")

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.spline = layer.prqct.unconditional_transform
        parts = [getattr(self.spline, f"unnormalized_{p}") for p in self.PARTS]
        self.numbers = nn.Parameter(torch.cat([p.detach() for p in parts], -1))
        self.sizes = [p.shape[-1] for p in parts]
        for p in self.PARTS:
            delattr(self.spline, f"unnormalized_{p}")

    def ready(self):
        for p, tensor in zip(self.PARTS, self.numbers.split(self.sizes, -1), strict=True):
            setattr(self.spline, f"unnormalized_{p}", tensor)
        return self.layer

    def forward(self, z, **given):
        return self.ready()(z, **given)

    def inverse(self, x, **given):
        return self.ready().inverse(x, **given)


def spline_names(i, blocks, context=False):
    names = of_resnet(f"layers.{i}.layer.prqct.transform_net", f"layers.{i}.net", blocks, context)
    return names | {f"layers.{i}.numbers": f"layers.{i}.uncond.numbers"}


def mask_of(i, dim, transformed):
    mask = torch.zeros(dim)
    mask[transformed] = 1
    return {f"layers.{i}.mask": mask}


def splines():
    dim, context = 5, 2
    layers, names, masks = [], {}, {}
    for k in (0, 1):
        i = 3 * k
        spline = flows.CoupledRationalQuadraticSpline(dim, 2, 9, context, num_bins=5, reverse_mask=k == 0)
        permute = flows.LULinearPermute(dim)
        layers += [Spline(spline), permute]
        names |= {key.replace(f"layers.{i}.", f"layers.{2 * k}."): name
                  for key, name in spline_names(i, 2, True).items()}  # fmt: skip
        inner = f"layers.{2 * k + 1}"
        names[f"{inner}.permutation._permutation"] = f"layers.{i + 1}.perm"
        names |= {key.replace(f"layers.{i + 2}", f"{inner}.linear"): name
                  for key, name in of_lu(i + 2).items()}  # fmt: skip
        masks |= mask_of(i, dim, spline.prqct.transform_features)
    text = "(coupling(rq(bins=5, tail=3), resnet(9x2, relu), uncond=1), perm(random), lu)*2"
    yield Case("normflows_nsf", f"{dim}|{context}: {text} -> normal", Flow(layers, normal(dim)), names, dim,
               context, constants=masks)  # fmt: skip

    spline = flows.CoupledRationalQuadraticSpline(4, 1, 8, num_bins=4, tails="circular", tail_bound=3.0,
                                                  reverse_mask=True)  # fmt: skip
    text = "coupling(rq(bins=4, tail=circular, box=-3, 3, like=normflows), resnet(8x1, relu), uncond=1)"
    box = normflows.distributions.base.Uniform(4, -3.0, 3.0)
    yield Case("normflows_circular", f"4: {text} -> box(-3, 3)", Flow([Spline(spline)], box), spline_names(0, 1), 4,
               constants=mask_of(0, 4, spline.prqct.transform_features), box=(-3.0, 3.0),
               latent_box=(-3.0, 3.0))  # fmt: skip


def autoregressive():
    """The context enters nsf's residual blocks by a gate, and no activation follows the first layer."""
    layer = flows.AutoregressiveRationalQuadraticSpline(4, 2, 10, 3, num_bins=5, init_identity=False)
    names = of_made("layers.0.mprqat.autoregressive_net", "layers.0.net", 2, True)
    text = "ar(rq(bins=5, tail=3), made(10x2, relu, context=nsf))"
    yield Case("normflows_ar_rq", f"4|3: {text} -> normal", Flow([layer], normal(4)), names, 4, 3)
    layer = flows.MaskedAffineAutoregressive(4, 10, num_blocks=1)
    names = of_made("layers.0.autoregressive_net", "layers.0.net", 1)
    text = "~ar(affine(scale=sigmoid2, layout=pairs), made(10x1, relu))"
    yield Case("normflows_iaf", f"4: {text} -> normal", Flow([layer], normal(4)), names, 4, tails=(9.0,))


def affine():
    """Shifts and log-scales alternate, the first half (the larger) passes through."""
    net = normflows.nets.MLP([3, 8, 8, 4], leaky=0.01)
    block, norm = flows.AffineCouplingBlock(net), flows.ActNorm(5)
    norm.data_dep_init_done.fill_(1)
    names = {f"layers.1.{a}": f"layers.1.{b}" for a, b in (("s", "log_scale"), ("t", "shift"))}
    for j, k in enumerate((0, 2, 4)):
        names |= of_linear(f"layers.0.flows.1.param_map.net.{k}", f"layers.0.net.{j}")
    text = "~coupling(affine(scale=exp, layout=interleaved), mlp(8x2, leaky), mask=list, list=3-4)"
    constants = mask_of(0, 5, [3, 4]) | {"layers.1.fitted": torch.ones(1)}
    yield Case("normflows_affine", f"5: {text}, ~actnorm -> normal", Flow([block, norm], normal(5)), names, 5,
               constants=constants)  # fmt: skip


class Layerless(Density):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x, c):
        return x + 0, x.new_zeros(len(x)), self.base.log_prob(x)

    def invert(self, z, c):
        return z


def bases():
    base = normflows.distributions.GaussianMixture(3, 2, trainable=True)
    names = {"base.loc": "base.mean", "base.log_scale": "base.log_std", "base.weight_scores": "base.logits"}
    yield Case("normflows_mixture", "2: -> mixture(3, cov=diag)", Layerless(base), names, 2, tails=(9.0,))
    base = normflows.distributions.DiagGaussian(3)
    names = {"base.loc": "base.mean", "base.log_scale": "base.log_std"}
    yield Case("normflows_normal", "3: -> normal(trained)", Layerless(base), names, 3, tails=(9.0,))


def cases():
    yield from splines()
    yield from autoregressive()
    yield from affine()
    yield from bases()
