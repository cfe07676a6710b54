# SPDX-License-Identifier: MIT
"""Bases without layers, of torch.distributions."""

import torch
from torch import distributions as d
from torch import nn

from .case import Case, Density


class Base(Density):
    """log p of x under the distribution that `make` builds of the parameters and the context."""

    def __init__(self, make, **shapes):
        super().__init__()
        self.make = make
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.zeros(shape)))

    def forward(self, x, c):
        logp = self.make(self, c).log_prob(x)
        logp = logp.sum(1) if logp.dim() == 2 else logp
        return x + 0, x.new_zeros(len(x)), logp + 0 * x.sum(1)  # a box has a gradient, too: 0

    def invert(self, z, c):
        return z


def logistic(loc, scale):
    uniform = d.Uniform(torch.zeros_like(loc), torch.ones_like(loc), validate_args=False)
    return d.TransformedDistribution(uniform, [d.SigmoidTransform().inv, d.AffineTransform(loc, scale)])


def factor(b):
    below = b.lower.new_zeros(len(b.log_std), len(b.log_std))
    at = torch.tril_indices(len(b.log_std), len(b.log_std), -1)
    return below.index_put(tuple(at), b.lower) + torch.diag(b.log_std.exp())


def heavy_tailed():
    def student(b, c):
        return d.StudentT(nn.functional.softplus(b.raw_df), b.loc, b.log_scale.exp())

    def fixed(b, c):
        return d.StudentT(torch.full((3,), 4.0))

    far = dict(tails=(9.0, -1e4))
    yield "student", "3: -> student(4)", Base(fixed), far
    free = Base(student, loc=3, log_scale=3, raw_df=3)
    with torch.no_grad():
        free.raw_df.copy_(torch.tensor([-1.5, 1.0, 30.0]))  # from 0.2 degrees of freedom to 30
    yield "student_trained", "3: -> student(3, trained)", free, far
    yield "logistic", "3: -> logistic", Base(lambda b, c: logistic(torch.zeros(3), torch.ones(3))), {}
    own = Base(lambda b, c: logistic(b.loc, b.log_scale.exp()), loc=3, log_scale=3)
    yield "logistic_trained", "3: -> logistic(trained)", own, {}
    yield "laplace", "3: -> laplace", Base(lambda b, c: d.Laplace(torch.zeros(3), torch.ones(3))), far
    own = Base(lambda b, c: d.Laplace(b.loc, b.log_scale.exp()), loc=3, log_scale=3)
    yield "laplace_trained", "3: -> laplace(trained)", own, far


def normals():
    def full(b, c):
        return d.MultivariateNormal(b.mean, scale_tril=factor(b))

    def spherical(b, c):
        return d.Normal(b.mean, b.log_std.exp().expand(4))

    def classes(b, c):
        return d.Normal(c @ b.mean, (c @ b.log_std).exp())

    yield "normal_full", "4: -> normal(trained, cov=full)", Base(full, mean=4, log_std=4, lower=6), {}
    yield "normal_spherical", "4: -> normal(trained, cov=spherical)", Base(spherical, mean=4, log_std=1), {}
    of_class = Base(classes, mean=(3, 2), log_std=(3, 2))
    yield "classes", "2|3: -> classes(3)", of_class, dict(context=3, tails=(9.0,))


def boxes():
    box = Base(lambda b, c: d.Uniform(torch.full((2,), -2.0), 3.0))
    yield "box", "2: -> box(-2, 3)", box, dict(box=(-2.0, 3.0), latent_box=(-2.0, 3.0))


class Columns(Base):
    """Columns 0 and 3 of a normal with a full covariance, 1 of a Laplace, 2 and 4 of a normal."""

    def __init__(self):
        super().__init__(None, mean=2, log_std=2, lower=1, loc=1, log_scale=1)

    def forward(self, x, c):
        logp = d.MultivariateNormal(self.mean, scale_tril=factor(self)).log_prob(x[:, [0, 3]])
        logp = logp + d.Laplace(self.loc, self.log_scale.exp()).log_prob(x[:, 1:2]).sum(1)
        return x + 0, x.new_zeros(len(x)), logp + d.Normal(0, 1).log_prob(x[:, [2, 4]]).sum(1)


def columns():
    names = {name: f"base.parts.0.{name}" for name in ("mean", "log_std", "lower")}
    names |= {name: f"base.parts.1.{name}" for name in ("loc", "log_scale")}
    text = "5: -> columns(0+3: normal(trained, cov=full), 1: laplace(trained), 2+4: normal)"
    yield Case("torch_columns", text, Columns(), names, 5)


class ConvNet(nn.Module):
    """Convolutions with a context that is added to the first one, or that is further channels; with
    or without a scale and shift of the channels after each hidden one."""

    def __init__(self, d_in, width, d_out, kernels, context, act, adds, norms):
        super().__init__()
        first = d_in if adds else d_in + context
        sizes = [first] + [width] * (len(kernels) - 1) + [d_out]
        self.convs = nn.ModuleList(nn.Conv2d(sizes[k], sizes[k + 1], side, padding=side // 2)
                                   for k, side in enumerate(kernels))  # fmt: skip
        self.joint = nn.Linear(context, width) if adds else None
        hidden = range(len(kernels) - 1 if norms else 0)
        self.log_scale = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in hidden)
        self.shift = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in hidden)
        self.act = act

    def forward(self, x, c):
        if not self.joint:
            x = torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        for k, conv in enumerate(self.convs):
            x = conv(self.act(x) if k else x)
            if self.joint and k == 0:
                x = x + self.joint(c)[:, :, None, None]
            if k < len(self.shift):
                x = x * self.log_scale[k].exp()[:, None, None] + self.shift[k][:, None, None]
        return x

    def names(self, key, name):
        names = {}
        for k in range(len(self.convs)):
            names |= {f"{key}.convs.{k}.{p}": f"{name}.{k}.{p}" for p in ("weight", "bias")}
        for k in range(len(self.shift)):
            names |= {f"{key}.{p}.{k}": f"{name}.{k}.norm.{p}" for p in ("log_scale", "shift")}
        if self.joint:
            names |= {f"{key}.joint.{p}": f"{name}.context.{p}" for p in ("weight", "bias")}
        return names


class Translations(Density):
    """Channels `moved[k]` of images are translated by net k of the others."""

    def __init__(self, height, width, channels, nets, moved):
        super().__init__()
        self.shape, self.nets, self.moved = (height, width, channels), nn.ModuleList(nets), moved

    def parts(self, k):
        return self.moved[k], [i for i in range(self.shape[2]) if i not in self.moved[k]]

    def forward(self, x, c):
        x = x.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for k, net in enumerate(self.nets):
            moved, others = self.parts(k)
            x = x.index_add(1, torch.tensor(moved), net(x[:, others], c))
        z = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        return z, z.new_zeros(len(z)), d.Normal(0.0, 1.0).log_prob(z).sum(1)

    def invert(self, z, c):
        z = z.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for k, net in reversed(list(enumerate(self.nets))):
            moved, others = self.parts(k)
            z = z.index_add(1, torch.tensor(moved), -net(z[:, others], c))
        return z.permute(0, 2, 3, 1).reshape(len(z), -1)


def images():
    added = ConvNet(1, 4, 2, (3, 1, 3), 2, torch.tanh, adds=True, norms=True)
    joined = ConvNet(2, 5, 1, (3, 3), 2, nn.functional.silu, adds=False, norms=False)
    names = added.names("nets.0", "layers.0.net") | joined.names("nets.1", "layers.1.net")
    constants = {f"layers.0.net.{k}.norm.fitted": torch.ones(1) for k in (0, 1)}
    constants |= {"layers.0.mask": torch.tensor([1.0, 1, 0]).repeat(6)}
    constants |= {"layers.1.mask": torch.tensor([0.0, 0, 1]).repeat(6)}
    yield Case("torch_conv_context",
               "2x3x3|2: coupling(add, conv(4, 3-1-3, tanh, zero=0), mask=mid), "
               "coupling(add, conv(5, 3-3, silu, zero=0, norm=0, context=concat), mask=mid) -> normal",
               Translations(2, 3, 3, [added, joined], [[0, 1], [2]]), names, 18, context=2, rows=8,
               constants=constants)  # fmt: skip


def cases():
    for group in (heavy_tailed, normals, boxes):
        for name, text, model, more in group():
            names = {key: f"base.{key}" for key, _ in model.named_parameters()}
            yield Case(f"torch_base_{name}", text, model, names, int(text[0]), **more)
    yield from columns()
    yield from images()
