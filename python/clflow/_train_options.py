# SPDX-License-Identifier: MIT
"""Types of the options of training.  Written by scripts/bindings from include/clflow/train_options.def: do not edit."""

from __future__ import annotations

from typing import Literal, TypedDict


class TrainOptions(TypedDict, total=False):
    """Keyword arguments of Flow.fit() that are options of training; clflow.train_options() says what they mean."""

    epochs: int | None
    steps: int | None
    valid_every: int | None
    batch: int | None
    lr: float | None
    seed: int | None
    shuffle: bool | None
    valid_split: float | None
    standardize: bool | None
    eps_hat: Literal["textbook", "tf"] | None
    l2: float | None
    clip: float | None
    drops: int | None
    part: int | None
    flip: bool | None
    activations: Literal["store", "reverse", "auto"] | None
    memory: int | None
    beta1: float | None
    beta2: float | None
    eps: float | None
    schedule: Literal["constant", "cosine", "plateau"] | None
    warmup: int | None
    plateau_factor: float | None
    plateau_patience: int | None
    patience: int | None
    ema: float | None
    weight_decay: float | None
    samples: int | None
