# SPDX-License-Identifier: MIT
"""Flows that torch trained: from_torch() gives their log p, latents and inverse."""

from __future__ import annotations

import logging

import clflow
import numpy as np
import pytest
import torch
from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.transforms.autoregressive import MaskedAffineAutoregressiveTransform
from nflows.transforms.base import CompositeTransform
from nflows.transforms.permutations import ReversePermutation


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    layers = []
    for _ in range(3):
        layers += [ReversePermutation(3), MaskedAffineAutoregressiveTransform(3, 16, context_features=2, num_blocks=2)]
    flow = Flow(CompositeTransform(layers), StandardNormal([3])).double().eval()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return flow


def compare(ours, theirs):
    draw = np.random.default_rng(1)
    x, c = draw.normal(size=(50, 3)), draw.normal(size=(50, 2))
    with torch.no_grad():
        logp = theirs.log_prob(torch.from_numpy(x), torch.from_numpy(c)).numpy()
        z = theirs.transform_to_noise(torch.from_numpy(x), torch.from_numpy(c)).numpy()
    np.testing.assert_allclose(ours.log_prob(x, context=c), logp, rtol=1e-9)
    np.testing.assert_allclose(ours.transform(x, context=c)[0], z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.inverse(z, context=c)[0], x, rtol=1e-7, atol=1e-7)


def test_a_module(theirs):
    compare(clflow.from_torch(theirs, device="cpu64"), theirs)


def test_a_state_dict_with_hints_a_file_and_bytes(theirs, tmp_path, caplog):
    compare(clflow.from_torch(theirs.state_dict(), device="cpu64", like="nflows", act="relu"), theirs)
    torch.save(theirs, tmp_path / "m.pt")
    compare(clflow.from_torch(tmp_path / "m.pt", device="cpu64"), theirs)
    compare(clflow.from_torch((tmp_path / "m.pt").read_bytes(), device="cpu64"), theirs)
    with caplog.at_level(logging.INFO, "clflow"):
        clflow.from_torch(theirs.state_dict(), like="nflows")
    assert "relu" in caplog.text


def test_refused(theirs):
    with pytest.raises((clflow.ArgumentError, clflow.UnsupportedError)):
        clflow.from_torch(torch.nn.Linear(2, 2))
    with pytest.raises(clflow.ArgumentError, match="nosuch"):
        clflow.from_torch(theirs, nosuch=3)
    with pytest.raises(clflow.ArgumentError):
        clflow.from_torch(theirs.state_dict(), like="nflows", strict=True)
    with pytest.raises(clflow.ArgumentError):
        clflow.from_torch(b"nothing of the kind")


@pytest.mark.parametrize("arch", ["2: (coupling(affine, mlp(8x1)), lu)*2 -> normal", "2: (ar(rq, made(8x2)), lu)*2 -> normal"])
def test_to_torch(arch):
    draw = np.random.default_rng(2)
    x = draw.normal(size=(400, 2))
    flow = clflow.Flow(arch, device="cpu64", seed=1)
    flow.fit(x, steps=30, seed=1)
    module = flow.to_torch().double()
    theirs = torch.from_numpy(x)
    np.testing.assert_allclose(module.log_prob(theirs).detach().numpy(), flow.log_prob(x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(module.transform(theirs)[0].detach().numpy(), flow.transform(x)[0], rtol=1e-5, atol=1e-5)
    module.log_prob(theirs).mean().backward()
    assert all(p.grad is not None for p in module.parameters() if p.requires_grad)
    assert module.sample(5).shape == (5, 2)
