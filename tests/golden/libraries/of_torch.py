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


def cases():
    for group in (heavy_tailed, normals, boxes):
        for name, text, model, more in group():
            names = {key: f"base.{key}" for key, _ in model.named_parameters()}
            yield Case(f"torch_base_{name}", text, model, names, int(text[0]), **more)
    yield from columns()
