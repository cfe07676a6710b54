# SPDX-License-Identifier: MIT
"""Chains of FrEIA's AllInOneBlock, and flows of glasflow."""

import torch
from checkpoints import Checkpoint
from FrEIA.framework import SequenceINN
from FrEIA.modules import AllInOneBlock
from glasflow.flows import CouplingNSF, RealNVP
from torch import nn


def subnet(d_in, d_out):
    return nn.Sequential(nn.Linear(d_in, 6), nn.ReLU(), nn.Linear(6, d_out))


def chain(name, dim, context=0, count=2, hints="", fixture=False, **options):
    inn = SequenceINN(dim)
    for _ in range(count):
        given = dict(cond=0, cond_shape=(context,)) if context else {}
        inn.append(AllInOneBlock, subnet_constructor=subnet, **given, **options)
    if options.get("permute_soft"):  # rotations exact to double, for which the file is in double
        inn.double()
        for block in inn:
            block.w_perm.data, _ = torch.linalg.qr(block.w_perm.data)
            block.w_perm_inv.data = block.w_perm.data.T.clone()

    def given(c):
        return {} if c is None else {"c": [c]}

    def logp(x, c):
        z, logdet = inn(x, **given(c))
        return torch.distributions.Normal(0, 1).log_prob(z).sum(1) + logdet

    return Checkpoint(name, inn, logp, lambda x, c: inn(x, **given(c))[0],
                      lambda z, c: inn(z, rev=True, **given(c))[0], dim, context, ("state",), hints,
                      fixture=fixture, deviation=0.1)  # fmt: skip


def coupling(name, model, dim, context=0, **more):
    return Checkpoint(name, model, lambda x, c: model.log_prob(x, c), lambda x, c: model.forward(x, c)[0],
                      lambda z, c: model.inverse(z, c)[0], dim, context, **more)  # fmt: skip


def cases():
    yield chain("freia_chain", 5, fixture=True)
    yield chain("freia_soft", 4, 2, affine_clamping=1.5, permute_soft=True, global_affine_type="EXP",
                hints="clamp=1.5, gain=exp")  # fmt: skip
    yield chain("freia_householder", 4, learned_householder_permutation=2)
    options = dict(n_neurons=6, n_blocks_per_transform=1, linear_transform="lu")
    yield coupling("glasflow_nsf", CouplingNSF(4, 2, 3, **options), 4, 3, hints="like=glasflow")
    options |= dict(linear_transform="permutation", batch_norm_between_transforms=True, batch_norm_within_blocks=True)
    model = RealNVP(4, 2, **options)
    for module in model.modules():
        if hasattr(module, "running_var"):
            module.running_var.copy_(0.5 + torch.rand_like(module.running_var))
    yield coupling("glasflow_realnvp", model, 4, forms=("state",), hints="like=glasflow", fixture=True)
