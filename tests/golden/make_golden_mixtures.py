#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes mixtures.safetensors: the results of scikit-learn's GaussianMixture.

  make_golden_mixtures.py [FOLDER]

Everything is in float64, from rows that are float32 numbers.  A set NAME (full, tied, diag, spherical) holds
  NAME.x [N,D]                                        rows
  NAME.weights [K], NAME.means [K,D], NAME.covs [K,D,D]   parameters
  NAME.logp [N]                                       log-densities of the rows
  NAME.next.weights, .next.means, .next.covs          parameters after one iteration of EM, reg_covar 1e-6
The set joint has parameters of 5 columns; the first two are the context:
  joint.x [N,3], joint.c [N,2], joint.weights, joint.means, joint.covs
  joint.logp [N]   log p(x given c): the log-density of both minus that of c, both from scikit-learn
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.mixture import GaussianMixture

REG = 1e-6


def mixture(weights, means, covs, kind="full"):
    """A GaussianMixture with these parameters; covs in the form of its kind."""
    g = GaussianMixture(len(weights), covariance_type=kind, reg_covar=REG)
    g.weights_, g.means_, g.covariances_ = weights, means, covs
    if kind in ("full", "tied"):
        g.precisions_cholesky_ = np.swapaxes(np.linalg.inv(np.linalg.cholesky(covs)), -1, -2)
    else:
        g.precisions_cholesky_ = 1 / np.sqrt(covs)
    return g


def random_covs(rng, K, D):
    a = rng.normal(size=(K, D, D)) * 0.4 + 0.7 * np.eye(D)
    return a @ np.swapaxes(a, 1, 2) + 0.05 * np.eye(D)


def of_kind(covs, kind):
    if kind == "tied":
        return covs.mean(0)
    diagonals = np.diagonal(covs, axis1=1, axis2=2).copy()
    return {"full": covs, "diag": diagonals, "spherical": diagonals.mean(1)}[kind]


def as_full(covs, kind, K, D):
    if kind == "full":
        return covs
    if kind == "tied":
        return np.repeat(covs[None], K, 0)
    return np.stack([np.diag(np.broadcast_to(c, D)) for c in covs])


def step(g, x, weights, means):
    """One iteration of EM from the parameters of g."""
    kind, K = g.covariance_type, len(weights)
    precisions = {"full": np.linalg.inv, "tied": np.linalg.inv}.get(kind, lambda c: 1 / c)(g.covariances_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixture(K, covariance_type=kind, reg_covar=REG, max_iter=1, weights_init=weights,
                               means_init=means, precisions_init=precisions).fit(x)


def make():
    out = {}
    rng = np.random.default_rng(7)
    K, D, N = 3, 4, 80
    for kind in ("full", "tied", "diag", "spherical"):
        weights = rng.dirichlet(np.full(K, 5.0))
        means = rng.normal(size=(K, D)) * 1.5
        covs = of_kind(random_covs(rng, K, D), kind)
        x = (means[rng.integers(K, size=N)] + rng.normal(size=(N, D))).astype(np.float32).astype(np.float64)
        g = mixture(weights, means, covs, kind)
        after = step(g, x, weights, means)
        out |= {f"{kind}.x": x, f"{kind}.weights": weights, f"{kind}.means": means,
                f"{kind}.covs": as_full(covs, kind, K, D), f"{kind}.logp": g.score_samples(x),
                f"{kind}.next.weights": after.weights_, f"{kind}.next.means": after.means_,
                f"{kind}.next.covs": as_full(after.covariances_, kind, K, D)}
    weights, means, covs = rng.dirichlet(np.full(K, 5.0)), rng.normal(size=(K, 5)) * 1.5, random_covs(rng, K, 5)
    rows = (means[rng.integers(K, size=N)] + rng.normal(size=(N, 5))).astype(np.float32).astype(np.float64)
    joint = mixture(weights, means, covs).score_samples(rows)
    given = mixture(weights, means[:, :2], covs[:, :2, :2]).score_samples(rows[:, :2])
    out |= {"joint.x": rows[:, 2:], "joint.c": rows[:, :2], "joint.weights": weights, "joint.means": means,
            "joint.covs": covs, "joint.logp": joint - given}
    return {k: np.ascontiguousarray(v, np.float64) for k, v in out.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    save_file(make(), folder / "mixtures.safetensors")
