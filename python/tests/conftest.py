# SPDX-License-Identifier: MIT
"""Rows and flows that several tests use."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

os.environ.setdefault("CLFLOW_DEVICE", "cpu")
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from jobs in the background


def banana(rows: int, seed: int = 0) -> np.ndarray:
    """(rows, 2): a normal column, and one that is the square of the first and noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 2))
    x[:, 1] = x[:, 0] ** 2 + 0.5 * x[:, 1]
    return x


def banana_log_prob(x: np.ndarray) -> np.ndarray:
    """What banana() has, in nats."""
    z = (x[:, 1] - x[:, 0] ** 2) / 0.5
    return -0.5 * (x[:, 0] ** 2 + z**2) - np.log(2 * np.pi) - np.log(0.5)


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    return banana(2000)


@pytest.fixture(scope="session")
def fitted(rows):
    import clflow

    flow = clflow.Flow("nsf", hidden=16, depth=3)
    flow.fit(rows, steps=150, lr=5e-3, progress=False)
    return flow


@pytest.fixture(scope="session")
def conditional(rows):
    """p(second column given the first)."""
    import clflow

    flow = clflow.Flow("maf", context=1, hidden=16, depth=2)
    flow.fit(rows[:, 1:], context=rows[:, :1], steps=200, lr=5e-3, progress=False)
    return flow
