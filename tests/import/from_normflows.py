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


class Images:
    """A MultiscaleFlow on clflow's rows: pixels row by row with the channel as the fastest index."""

    def __init__(self, model, shape):
        self.model, self.shape = model, shape

    def latent_shapes(self):
        return [tuple(q.shape) for q in self.model.q0]

    @staticmethod
    def rows(x):
        return x.permute(0, 2, 3, 1).flatten(1)

    @staticmethod
    def images(x, shape):
        return x.reshape(-1, shape[1], shape[2], shape[0]).permute(0, 3, 1, 2).clone()  # Shift works in place

    @staticmethod
    def moments(q, c):
        """Mean and log-deviation of a base, (1 or n, C, H or 1, W or 1)."""
        if isinstance(q, nf.distributions.GlowBase):
            loc, scale = q.loc * torch.exp(3 * q.loc_logs), q.log_scale * torch.exp(3 * q.log_scale_logs)
            if q.class_cond:
                y = nn.functional.one_hot(c[:, 0].long(), q.num_classes).to(loc)
                loc = loc + (y @ q.loc_cc)[:, :, None, None]
                scale = scale + (y @ q.log_scale_cc)[:, :, None, None]
            return loc, scale
        if isinstance(q, nf.distributions.ClassCondDiagGaussian):
            y = c[:, 0].long()
            return q.loc[..., y].permute(3, 0, 1, 2), q.log_scale[..., y].permute(3, 0, 1, 2)
        return q.loc, q.log_scale

    def logp(self, x, c):
        return self.model.log_prob(self.images(x, self.shape), None if c is None else c[:, 0].long())

    def forward(self, x, c):
        """Latents in the order in which they leave; those that leave early standardised by their base."""
        z = self.model.inverse_and_log_det(self.images(x, self.shape))[0]
        for i in range(1, len(z)):
            loc, scale = self.moments(self.model.q0[i], c)
            z[i] = (z[i] - loc) / torch.exp(scale)
        return torch.cat([self.rows(v) for v in reversed(z)], 1)

    def inverse(self, z, c):
        parts, at = [], 0
        for i in reversed(range(len(self.model.q0))):
            shape = self.latent_shapes()[i]
            v = self.images(z[:, at : at + shape[0] * shape[1] * shape[2]], shape)
            at += shape[0] * shape[1] * shape[2]
            loc, scale = self.moments(self.model.q0[i], c) if i else (0, torch.zeros(()))
            parts.insert(0, v * torch.exp(scale) + loc)
        return self.rows(self.model.forward_and_log_det(parts)[0])


def glow(name, shape, levels, blocks, base, classes=0, **more):
    """As normflows' example of Glow has it."""
    C, H, W = shape
    q0, flows, merges = [], [], []
    block = more.pop("block", {})
    for i in range(levels):
        channels = C * 2 ** (levels + 1 - i)
        flows.append([nf.flows.GlowBlock(channels, 5, **block) for _ in range(blocks)] + [nf.flows.Squeeze()])
        if i:
            merges.append(nf.flows.Merge())
        side = 2 ** (levels - i)
        q0.append(base((channels // (2 if i else 1), H // side, W // side)))
    model = nf.MultiscaleFlow(q0, flows, merges, transform=more.pop("transform", None), class_cond=classes > 0)
    for m in model.modules():
        if isinstance(m, nf.flows.ActNorm):
            m.data_dep_init_done.fill_(1)
    of = Images(model, shape)
    return Checkpoint(name, model, of.logp, of.forward, of.inverse, C * H * W, 1 if classes else 0, deviation=0.1, rows=8,
                      classes=classes, shape=shape, **more)  # fmt: skip


def mixed():
    """Splines of which some dimensions are angles."""
    flows = [nf.flows.CircularCoupledRationalQuadraticSpline(5, 1, 8, [0, 3], 2, num_bins=4, tail_bound=2.5, reverse_mask=k) for k in (True, False)]
    yield flow("normflows_mixed", flows, 5, 2, hints="tail=2.5", box=([-2.4] * 5, [2.4] * 5), latent_box=(-2.4, 2.4), fixture=True)
    bound = torch.tensor([3.0, 2.0, 3.0, 4.0])
    flows = [nf.flows.CircularAutoregressiveRationalQuadraticSpline(4, 1, 8, [0, 2], num_bins=4, tail_bound=bound, permute_mask=k) for k in (True, False)]
    yield flow("normflows_mixed_ar", flows, 4, box=([-1.9] * 4, [1.9] * 4), latent_box=(-1.9, 1.9), fixture=True)


def hinted():
    """Mixed couplings of which the tensors do not show all."""
    coupling = nf.flows.CircularCoupledRationalQuadraticSpline
    box = {"box": ([-2.4] * 4, [2.4] * 4), "latent_box": (-2.4, 2.4)}
    mask = torch.tensor([1.0, 0, 1, 0])
    flows = [coupling(4, 1, 8, [0, 1], num_bins=4, mask=mask) for _ in range(2)]  # nothing reads 0 and 2
    yield flow("normflows_mixed_mask", flows, 4, hints="circular=0+1", **box)
    flows = [coupling(4, 1, 8, [0], num_bins=4), nf.flows.Permute(4), coupling(4, 1, 8, [1, 2], num_bins=4)]
    yield flow("normflows_mixed_permuted", flows, 4, hints="circular=1-2, 0", **box)
    flows = [coupling(4, 1, 8, [], num_bins=4, reverse_mask=k) for k in (True, False)]
    yield flow("normflows_no_angles", flows, 4, forms=("whole",), **box)


def images():
    yield glow("normflows_glow", (2, 4, 4), 2, 1, nf.distributions.GlowBase, hints="size=4x4", fixture=True)
    yield glow("normflows_glow3", (3, 8, 4), 2, 2, nf.distributions.DiagGaussian,
               block={"scale_map": "exp", "split_mode": "channel_inv", "leaky": 0.01, "use_lu": False},
               hints="split=channel_inv, scale=exp, act=leaky")  # fmt: skip
    yield glow("normflows_glow_norm", (2, 4, 4), 1, 2, nf.distributions.GlowBase, forms=("whole",),
               block={"net_actnorm": True, "scale": False})  # fmt: skip
    yield glow("normflows_glow_classes", (2, 4, 4), 2, 1, lambda s: nf.distributions.ClassCondDiagGaussian(s, 3), 3,
               transform=nf.transforms.Shift(), fixture=True, forms=("whole",))  # fmt: skip
    yield glow("normflows_glow_classes2", (1, 4, 4), 2, 1, lambda s: nf.distributions.GlowBase(s, 2), 2, hints="size=4x4")
    yield glow("normflows_glow_logit", (1, 4, 4), 1, 1, nf.distributions.GlowBase, forms=("whole",),
               transform=nf.transforms.Logit(0.05), box=([0.05] * 16, [0.95] * 16))  # fmt: skip


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
    yield from mixed()
    base = nf.distributions.GaussianMixture(3, 2, trainable=True)
    yield flow("normflows_mixture", [nf.flows.AffineConstFlow(2)], 2, base=base)
    yield from images()
    yield from hinted()
