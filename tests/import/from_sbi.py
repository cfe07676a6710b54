# SPDX-License-Identifier: MIT
"""Density estimators and posteriors of sbi."""

import torch
from checkpoints import Checkpoint
from sbi.inference import NPE
from sbi.neural_nets import posterior_nn
from sbi.neural_nets.embedding_nets import FCEmbedding
from sbi.utils import BoxUniform
from torch import nn


def trained(kind, dim, **options):
    """An NPE after an epoch, and its prior: boxes that the estimator leaks out of."""
    prior = BoxUniform(torch.linspace(-2, -1, dim), torch.linspace(1, 3, dim))
    theta = prior.sample((100,))
    x = torch.cat([theta + 0.1 * torch.randn_like(theta), theta.prod(1, keepdim=True)], 1)
    builder = posterior_nn(kind, hidden_features=6, num_transforms=2, **options)
    npe = NPE(prior=prior, density_estimator=builder, show_progress_bars=False)
    estimator = npe.append_simulations(theta, x).train(max_num_epochs=1)
    return npe, estimator, x


def maps(estimator):
    """x -> z and back, of the flow within."""
    net = estimator.net
    if hasattr(net, "_transform"):
        embed = net._embedding_net
        return (lambda x, c: net._transform(x, embed(c))[0]), (lambda z, c: net._transform.inverse(z, embed(c))[0])
    embed = estimator.embedding_net
    return (lambda x, c: net(embed(c)).transform(x)), (lambda z, c: net(embed(c)).transform.inv(z))


def estimator_of(name, kind, dim, hints="", **options):
    _, estimator, _ = trained(kind, dim, **{k: v for k, v in options.items() if k not in ("fixture",)})
    forward, inverse = maps(estimator)
    return Checkpoint(name, estimator, lambda x, c: estimator.log_prob(x[None], c)[0], forward, inverse, dim,
                      dim + 1, hints=hints, fixture=options.get("fixture", False), deviation=0.1)  # fmt: skip


def posterior_of(name, kind, dim, **options):
    """A posterior with a default x: log_prob(theta, norm_posterior=False), which is -inf outside of the
    prior's box."""
    npe, _, x = trained(kind, dim, **{k: v for k, v in options.items() if k not in ("fixture",)})
    posterior = npe.build_posterior().set_default_x(x[:1])
    estimator = posterior.posterior_estimator
    low, high = posterior.prior.base_dist.low, posterior.prior.base_dist.high
    forward, inverse = maps(estimator)

    def logp(theta, c):
        inside = ((theta >= low) & (theta <= high)).all(1)
        ours = estimator.log_prob(theta[None], x[:1].to(theta).expand(len(theta), -1))[0]
        return torch.where(inside, ours, -torch.inf)

    def agree():
        theta = posterior.prior.sample((50,)) * 1.1
        theirs = posterior.log_prob(theta, norm_posterior=False)
        assert torch.allclose(theirs, logp(theta, None), atol=1e-4), name

    def given(z):
        return x[:1].to(z).expand(len(z), -1)

    return Checkpoint(name, posterior, logp, lambda x, c: forward(x, given(x)), lambda z, c: inverse(z, given(z)),
                      dim, forms=("whole",), parameters=estimator, fixture=options.get("fixture", False),
                      deviation=0.02, latent_box=(-0.5, 0.5), before=agree)  # fmt: skip


def cases():
    yield posterior_of("sbi_posterior", "maf", 2, fixture=True)
    yield posterior_of("sbi_posterior_zuko", "zuko_nsf", 2)
    yield estimator_of("sbi_maf", "maf", 2, fixture=True)
    yield estimator_of("sbi_nsf", "nsf", 3, num_bins=5)
    yield estimator_of("sbi_nsf_one", "nsf", 1, num_bins=5)
    yield estimator_of("sbi_zuko_nsf", "zuko_nsf", 2)
    yield estimator_of("sbi_zuko_maf", "zuko_maf", 3)
    yield estimator_of("sbi_plain", "maf", 2, z_score_theta="none", z_score_x="none", hints="like=sbi")
    yield estimator_of("sbi_structured", "nsf", 2, num_bins=4, z_score_theta="structured", z_score_x="structured")
    yield estimator_of("sbi_embedding", "nsf", 2, num_bins=4, embedding_net=FCEmbedding(3, 4, 3, 7))
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    yield estimator_of("sbi_net", "zuko_maf", 2, embedding_net=net, hints="embed=tanh")
