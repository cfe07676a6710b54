# SPDX-License-Identifier: MIT
"""Models of nflows."""

import torch
from checkpoints import Checkpoint
from nflows import distributions, flows, transforms
from nflows.nn import nets
from nflows.utils import create_alternating_binary_mask, create_mid_split_binary_mask
from torch import nn
from torch.nn import functional


def flow(name, layers, dim, context=0, base=None, embedding=None, **more):
    model = flows.Flow(
        transforms.CompositeTransform(layers), base or distributions.StandardNormal([dim]), embedding
    )
    return of_flow(name, model, dim, context, **more)


def of_flow(name, model, dim, context, **more):
    def embed(c):
        return None if c is None else model._embedding_net(c)

    return Checkpoint(name, model, lambda x, c: model.log_prob(x, c),
                      lambda x, c: model._transform(x, embed(c))[0],
                      lambda z, c: model._transform.inverse(z, embed(c))[0], dim, context, **more)  # fmt: skip


def resnet(context=None, hidden=9, blocks=2, act=functional.relu, norm=False):
    return lambda d_in, d_out: nets.ResidualNet(
        d_in, d_out, hidden, context, blocks, act, use_batch_norm=norm
    )


def rq(mask, net, bins=5, tail=3.0, **more):
    return transforms.PiecewiseRationalQuadraticCouplingTransform(
        mask, net, num_bins=bins, tails="linear", tail_bound=tail, **more
    )


def alternating(dim, k):
    return create_alternating_binary_mask(dim, even=k % 2 == 0)


def statistics(layer):
    layer.running_mean.copy_(torch.randn_like(layer.running_mean))
    layer.running_var.copy_(0.5 + torch.rand_like(layer.running_var))
    return layer


def spline_flows():
    layers = []
    for k in range(3):
        layers += [rq(alternating(4, k), resnet(hidden=5, blocks=1), bins=4), transforms.LULinear(4)]
    yield flow("nflows_nsf", layers, 4, hints="tail=3", fixture=True)
    layers = []
    for k in range(2):
        layers += [
            transforms.CompositeTransform([transforms.RandomPermutation(5), transforms.LULinear(5)]),
            rq(alternating(5, k), resnet(2), apply_unconditional_transform=True),
        ]
    yield flow("nflows_uci", layers, 5, 2, hints="tail=3")
    mask = torch.tensor([0, 1, 1, 0, 1])
    layers = [
        rq(mask, resnet(act=functional.elu, norm=True), min_bin_width=1e-2),
        transforms.PiecewiseQuadraticCouplingTransform(
            1 - mask, resnet(), num_bins=6, tails="linear", tail_bound=2.0
        ),
    ]
    yield flow("nflows_masks", layers, 5, forms=("whole",))
    layers = [transforms.PiecewiseRationalQuadraticCDF([3], num_bins=6, tails="linear", tail_bound=3.0)]
    yield flow("nflows_cdf", layers, 3, hints="tail=3")


def autoregressive_flows():
    layers = []
    for _ in range(2):
        layers += [
            transforms.MaskedAffineAutoregressiveTransform(4, 6, 3, 2, use_residual_blocks=False),
            statistics(transforms.BatchNorm(4)),
            transforms.ReversePermutation(4),
        ]
    yield flow("nflows_maf", layers, 4, 3, fixture=True)
    layers = [
        transforms.MaskedAffineAutoregressiveTransform(4, 8, 3, 2),
        transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
            4, 8, 3, num_bins=5, tails="linear", tail_bound=2.5, activation=torch.tanh
        ),
    ]
    yield flow("nflows_ar", layers, 4, 3, forms=("whole",))
    inner = transforms.CompositeTransform(
        [
            transforms.MaskedAffineAutoregressiveTransform(4, 8, None, 1),
            transforms.RandomPermutation(4),
            transforms.LULinear(4),
        ]
    )
    yield flow("nflows_iaf", [transforms.InverseTransform(inner)], 4, deviation=0.1)
    layers = [transforms.MaskedAffineAutoregressiveTransform(4, 8, random_mask=True, use_residual_blocks=False)]
    yield flow("nflows_random_mask", layers, 4)


def other_layers():
    norm = transforms.ActNorm(4)
    norm.initialized.fill_(True)
    layers = [
        transforms.PointwiseAffineTransform(torch.tensor([0.3, -1.0, 2.0, 0.0]), torch.tensor([1.5, 0.7, 1.0, 2.0])),
        norm,
        transforms.QRLinear(4, 3),
        transforms.SVDLinear(4, 2),
        transforms.HouseholderSequence(4, 3),
        transforms.AffineCouplingTransform(create_mid_split_binary_mask(4), resnet(act=functional.silu)),
        transforms.AdditiveCouplingTransform(alternating(4, 1), resnet(act=functional.silu)),
    ]
    yield flow("nflows_layers", layers, 4, hints="act=silu", base=distributions.DiagonalNormal([4]))
    yield flow("nflows_logit", [transforms.Logit(), transforms.LULinear(4)], 4, hints="gaps=logit(eps=1e-6)",
               box=(0.02, 0.98))  # fmt: skip
    encoder = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 6))
    base = distributions.ConditionalDiagonalNormal([3], encoder)
    layers = [transforms.AffineCouplingTransform(alternating(3, 0), resnet(2, 6, 1, torch.tanh))]
    embedding = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    yield flow("nflows_embedding", layers, 3, 4, base=base, embedding=embedding, hints="act=tanh, embed=tanh")


def cases():
    yield from spline_flows()
    yield from autoregressive_flows()
    yield from other_layers()
