# SPDX-License-Identifier: MIT
"""Chains of FrEIA's blocks."""

import numpy as np
import torch
from FrEIA.framework import SequenceINN
from FrEIA.modules import AllInOneBlock, GLOWCouplingBlock
from libraries.case import Case, Density
from libraries.of_nflows import of_linear
from torch import nn


class Flow(Density):
    def __init__(self, inn):
        super().__init__()
        self.inn = inn

    def forward(self, x, c):
        z, logdet = self.inn(x, c=None if c is None else [c])
        base = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
        return z, logdet, base

    def invert(self, z, c):
        return self.inn(z, c=None if c is None else [c], rev=True)[0]


def subnet(d_in, d_out):
    return nn.Sequential(nn.Linear(d_in, 8), nn.ReLU(), nn.Linear(8, d_out))


def of_subnet(key, name):
    return of_linear(f"{key}.0", f"{name}.0") | of_linear(f"{key}.2", f"{name}.1")


def chain(dim, context, block, count, **options):
    inn = SequenceINN(dim)
    for _ in range(count):
        given = dict(cond=0, cond_shape=(context,)) if context else {}
        inn.append(block, subnet_constructor=subnet, **given, **options)
    return inn


def all_in_one(name, text, dim, context, clamp=2, **options):
    """FrEIA 0.2 has log s = clamp tanh(u); clflow has clamp tanh(u / clamp), as FrEIA's later versions:
    rows of the last layer that give u are so much larger there."""
    np.random.seed(torch.randint(1 << 30, ()).item())
    inn = chain(dim, context, AllInOneBlock, 2, affine_clamping=float(clamp), **options)
    factor = torch.ones(2 * (dim // 2))
    factor[: dim // 2] = clamp
    names = {}
    for i in (0, 1):
        key, mine = f"inn.module_list.{i}", f"layers.{i}"
        names |= scaled(of_subnet(f"{key}.subnet", f"{mine}.net"), factor)
        names[f"{key}.global_scale"] = f"{mine}.scale"
        names[f"{key}.global_offset"] = f"{mine}.offset"
        names[f"{key}.w_perm"] = f"{mine}.rotation"
    given = f"{dim}|{context}" if context else f"{dim}"
    return Case(name, f"{given}: allinone(mlp(8x1, relu){text})*2 -> normal", Flow(inn), names, dim, context,
                deviation=0.3)  # fmt: skip


def scaled(names, factor):
    """The last layer's rows times a factor."""
    return {key: (name, factor) if ".net.1." in name else name for key, name in names.items()}


def glow(name, act, kind, clamp, factor):
    """Both halves in turn, the first one first; FrEIA's nets give all scales, then all shifts."""
    dim, names, masks, arch = 5, {}, {}, []
    inn = chain(dim, 2, GLOWCouplingBlock, 1, clamp=clamp, clamp_activation=act)
    for i, (net, first, last) in enumerate((("subnet2", 0, 1), ("subnet1", 2, 4))):
        d = last - first + 1
        factors = torch.cat((torch.full((d,), factor), torch.ones(d)))
        names |= scaled(of_subnet(f"inn.module_list.0.{net}", f"layers.{i}.net"), factors)
        mask = torch.zeros(dim)
        mask[first : last + 1] = 1
        masks[f"layers.{i}.mask"] = mask
        affine = f"affine(scale={kind}, clamp={clamp:g}, layout=halves)"
        arch.append(f"coupling({affine}, mlp(8x1, relu), mask=list, list={first}-{last}, even=0)")
    return Case(name, f"{dim}|2: {', '.join(arch)} -> normal", Flow(inn), names, dim, 2, constants=masks,
                deviation=0.5)  # fmt: skip


def cases():
    yield all_in_one("freia_allinone", "", 5, 0)
    yield all_in_one("freia_allinone_soft", ", affine(scale=tanh, clamp=4, layout=halves), perm=soft", 4, 2, 4,
                     permute_soft=True)  # fmt: skip
    yield all_in_one("freia_allinone_exp", ", gain=exp", 4, 0, global_affine_type="EXP")
    yield all_in_one("freia_allinone_sigmoid", ", gain=sigmoid", 4, 0, global_affine_type="SIGMOID")
    yield glow("freia_glow_atan", "ATAN", "atan", 1.9, 1.0)
    yield glow("freia_glow_tanh", "TANH", "tanh", 2.0, 2.0)
    yield glow("freia_glow_sigmoid", "SIGMOID", "sigmoid", 2.0, 1.0)
