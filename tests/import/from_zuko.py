# SPDX-License-Identifier: MIT
"""Models of zuko."""

from functools import partial
from math import pi

import torch
import zuko
from checkpoints import Checkpoint
from torch import nn
from zuko.flows.autoregressive import MaskedAutoregressiveTransform
from zuko.flows.coupling import GeneralCouplingTransform
from zuko.transforms import AdditiveTransform, MonotonicRQSTransform, RotationTransform


def flow(name, model, dim, context=0, **more):
    return Checkpoint(name, model, lambda x, c: model(c).log_prob(x), lambda x, c: model.transform(c)(x),
                      lambda z, c: model.transform(c).inv(z), dim, context, **more)  # fmt: skip


def cases():
    small = dict(hidden_features=(6, 6))
    yield flow("zuko_maf", zuko.flows.MAF(3, 2, transforms=3, **small), 3, 2, fixture=True)
    yield flow("zuko_nsf", zuko.flows.NSF(3, 2, transforms=2, bins=5, **small), 3, 2, fixture=True)
    model = zuko.flows.NSF(4, transforms=3, bins=6, randperm=True, passes=2, hidden_features=(8, 8), activation=nn.ELU)
    yield flow("zuko_passes", model, 4, hints="act=elu")
    model = zuko.flows.MAF(4, transforms=2, hidden_features=(8, 8, 8), residual=True, randperm=True)
    yield flow("zuko_residual", model, 4)
    model = zuko.flows.NCSF(3, transforms=2, bins=5, **small)
    yield flow("zuko_ncsf", model, 3, box=([-pi] * 3, [pi] * 3), latent_box=(-3.1, 3.1))
    yield flow("zuko_nice", zuko.flows.NICE(5, 2, transforms=3, hidden_features=(9, 5), randmask=True), 5, 2)
    model = zuko.flows.RealNVP(4, transforms=2, hidden_features=(8, 8), normalize=True, activation=nn.Tanh)
    yield flow("zuko_normalize", model, 4, hints="act=tanh")
    yield flow("zuko_one", zuko.flows.NSF(1, 2, transforms=2, bins=5, **small), 1, 2)
    yield flow("zuko_phi", zuko.flows.NSF(1, transforms=2, bins=5), 1)
    layers = [
        MaskedAutoregressiveTransform(4, 0, univariate=partial(MonotonicRQSTransform, bound=3.0, slope=1e-4),
                                      shapes=[(5,), (5,), (4,)], **small),
        zuko.flows.UnconditionalTransform(RotationTransform, torch.randn(4, 4)),
        GeneralCouplingTransform(4, 0, univariate=AdditiveTransform, shapes=[()], **small),
    ]  # fmt: skip
    base = zuko.flows.UnconditionalDistribution(zuko.distributions.DiagNormal, torch.zeros(4), torch.ones(4))
    yield flow("zuko_mixed", zuko.flows.Flow(layers, base), 4, forms=("whole",), deviation=0.1)
