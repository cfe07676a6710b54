# SPDX-License-Identifier: MIT
"""Flows of zuko."""

from functools import partial
from math import pi

import torch
import zuko
from libraries.case import Case, Density
from torch import nn
from zuko.flows.autoregressive import MaskedAutoregressiveTransform
from zuko.flows.coupling import GeneralCouplingTransform
from zuko.transforms import (
    AdditiveTransform,
    AffineTransform,
    ExpTransform,
    MonotonicAffineTransform,
    RotationTransform,
    SigmoidTransform,
    SoftclipTransform,
    SoftplusTransform,
)


class Flow(Density):
    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, x, c):
        z, logdet = self.flow.transform(c).call_and_ladj(x)
        return z, logdet, self.flow.base(c).log_prob(z)

    def invert(self, z, c):
        return self.flow.transform(c).inv(z)


def of_nets(flow, masked):
    names = {}
    for i, transform in enumerate(flow.transform.transforms):
        linear = [k for k, m in enumerate(transform.hyper) if isinstance(m, nn.Linear | zuko.nn.Linear)]
        for j, k in enumerate(linear):
            for part in ("weight", "bias", "mask") if masked else ("weight", "bias"):
                names[f"flow.transform.transforms.{i}.hyper.{k}.{part}"] = f"layers.{i}.net.{j}.{part}"
    return names


def masked(name, flow, text, dim, context=0, base="normal", **more):
    given = f"{dim}|{context}" if context else f"{dim}"
    return Case(name, f"{given}: {text} -> {base}", Flow(flow), of_nets(flow, True), dim, context, **more)


def autoregressive():
    """The order alternates by layer and replaces permutations; the numbers of the affine map are
    (shift, scale), nflows' are (scale, shift)."""
    sizes, net = [8, 8], "masked(8x2, relu)"
    affine = f"ar(affine(scale=zuko), {net}, order={{}})"
    spline = f"ar(rq(bins={{}}, tail=5, like=zuko{{}}), {net}, order={{}})"
    up_down = ("asc", "desc")

    flow = zuko.flows.MAF(4, 2, transforms=2, hidden_features=sizes)
    yield masked("zuko_maf", flow, ", ".join(map(affine.format, up_down)), 4, 2)
    flow = zuko.flows.MAF(4, transforms=2, hidden_features=[8, 8, 8], residual=True, activation=nn.ELU)
    text = "ar(affine(scale=zuko), masked(8x3, elu, residual=1), order={})"
    residual = Case("zuko_maf_residual", "4: " + ", ".join(map(text.format, up_down)) + " -> normal",
                    Flow(flow), of_residual(flow), 4)  # fmt: skip
    yield residual
    flow = zuko.flows.NSF(3, 2, transforms=2, hidden_features=sizes, bins=5)
    yield masked("zuko_nsf", flow, ", ".join(spline.format(5, "", o) for o in up_down), 3, 2,
                 edges=(-5.0, 5.0), deviation=0.5)  # fmt: skip
    flow = zuko.flows.NSF(3, transforms=1, hidden_features=sizes, bins=5, slope=1e-4)
    yield masked("zuko_nsf_slope", flow, spline.format(5, ", slope=1e-4", "asc"), 3, deviation=0.8)
    flow = zuko.flows.NCSF(3, transforms=2, hidden_features=sizes, bins=5)
    text = f"ar(rq(bins=5, tail=circular, like=zuko), {net}, order={{}})"
    yield masked("zuko_ncsf", flow, ", ".join(map(text.format, up_down)), 3, base=f"box({-pi - 1e-5!r}, {pi + 1e-5!r})",
                 box=(-pi, pi), latent_box=(-3.1, 3.1), deviation=0.5)  # fmt: skip
    order = torch.tensor([2, 0, 3, 1])
    layer = MaskedAutoregressiveTransform(4, 0, order=order, hidden_features=sizes)
    flow = zuko.flows.Flow([layer], zuko.flows.MAF(4).base)
    yield masked("zuko_order", flow, affine.format("list, list=2, 0, 3, 1"), 4)
    layer = MaskedAutoregressiveTransform(5, 0, passes=2, hidden_features=sizes)
    flow = zuko.flows.Flow([layer], zuko.flows.MAF(5).base)
    yield masked("zuko_passes", flow, f"ar(affine(scale=zuko), {net}, passes=2)", 5)


def of_residual(flow):
    """Residual blocks of two masked layers after each hidden one; all linear layers are counted."""
    names = {}
    for i, transform in enumerate(flow.transform.transforms):
        key, count = f"flow.transform.transforms.{i}.hyper", 0
        for k, module in enumerate(transform.hyper):
            inner = [f"{k}.0", f"{k}.2"] if isinstance(module, zuko.nn.Residual) else [str(k)]
            for name in inner:
                names |= {f"{key}.{name}.{p}": f"layers.{i}.net.{count}.{p}" for p in ("weight", "bias", "mask")}
                count += 1
    return names


def couplings():
    """mask True is what passes through, clflow's 1 is what is transformed."""
    for name, text, univariate, shapes in (
        ("zuko_realnvp", "affine(scale=zuko)", MonotonicAffineTransform, ((), ())),
        ("zuko_nice", "add", AdditiveTransform, ((),)),
        ("zuko_affine_slope", "affine(scale=zuko, slope=0.1)", partial(MonotonicAffineTransform, slope=0.1),
         ((), ())),
    ):  # fmt: skip
        layers = [
            GeneralCouplingTransform(
                5, 2, torch.arange(5) % 2 == i, univariate=univariate, shapes=shapes, hidden_features=[7, 7]
            )
            for i in (0, 1)
        ]
        flow = zuko.flows.Flow(layers, zuko.flows.MAF(5).base)
        kept = [torch.arange(5) % 2 == i for i in (0, 1)]
        masks = {f"layers.{i}.mask": (~k).double() for i, k in enumerate(kept)}
        arch = ", ".join(f"coupling({text}, mlp(7x2, relu), even={even})" for even in (1, 0))
        yield Case(name, f"5|2: {arch} -> normal", Flow(flow), of_nets(flow, False), 5, 2, constants=masks,
                   deviation=0.5)  # fmt: skip


class Fixed(Density):
    """Transforms of torch or zuko in the density's direction, and a normal base."""

    def __init__(self, *transforms, base=torch.distributions.Normal):
        super().__init__()
        self.transforms, self.base = transforms, base

    def forward(self, x, c):
        logdet = x.new_zeros(len(x))
        for transform in self.transforms:
            y = transform(x)
            ladj = transform.log_abs_det_jacobian(x, y)
            logdet, x = logdet + (ladj if ladj.dim() == 1 else ladj.sum(1)), y
        return x, logdet, self.base(0, 1).log_prob(x).sum(1)

    def invert(self, z, c):
        for transform in reversed(self.transforms):
            z = transform.inv(z)
        return z


class Rotation(Fixed):
    """With a base that is not the same from every side."""

    def __init__(self, dim):
        super().__init__(base=torch.distributions.Laplace)
        self.generator = nn.Parameter(torch.randn(dim, dim))

    def forward(self, x, c):
        self.transforms = [RotationTransform(self.generator)]
        return super().forward(x, c)


class Backwards:
    """A transform's inverse; torch's own holds its transform by a weak reference."""

    def __init__(self, transform):
        self.inv = transform

    def __call__(self, x):
        return self.inv._inverse(x)

    def log_abs_det_jacobian(self, x, y):
        return -self.inv.log_abs_det_jacobian(y, x)


def fixed():
    yield Case("zuko_rotation", "4: rotation -> laplace", Rotation(4), {"generator": "layers.0.generator"}, 4, rows=8)
    yield Case("zuko_softclip", "2: softclip(11) -> normal", Fixed(SoftclipTransform(11.0)), {}, 2, rows=8,
               latent_box=(-9.0, 9.0))  # fmt: skip
    scale = AffineTransform(0.2, 0.4)  # to 0 .. 1
    yield Case("torch_logit", "2: logit(-0.5, 2) -> normal", Fixed(scale, Backwards(SigmoidTransform())), {}, 2, rows=8,
               box=(-0.49, 1.99))  # fmt: skip
    yield Case("torch_log", "2: log -> normal", Fixed(Backwards(ExpTransform())), {}, 2, rows=8, box=(0.01, 50.0))
    yield Case("torch_softplus", "2: softplus -> normal", Fixed(Backwards(SoftplusTransform())), {}, 2, rows=8,
               box=(0.01, 30.0))  # fmt: skip


class Layerless(Density):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x, c):
        return x + 0, x.new_zeros(len(x)), self.base(c).log_prob(x)

    def invert(self, z, c):
        return z


def bases():
    parts = ("logits", "mean", "log_std", "lower")
    for text, kind in (("full", "full"), ("diag", "diagonal"), ("spherical", "spherical")):
        gmm = zuko.flows.GMM(3, components=4, covariance_type=kind, epsilon=0.0)
        names = {f"base.phi.{k}": f"base.{p}" for k, p in zip(range(len(gmm.phi)), parts, strict=False)}
        yield Case(f"zuko_mixture_{text}", f"3: -> mixture(4, cov={text})", Layerless(gmm), names, 3, tails=(9.0,))


def cases():
    yield from autoregressive()
    yield from couplings()
    yield from fixed()
    yield from bases()
