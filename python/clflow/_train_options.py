# SPDX-License-Identifier: MIT
"""Types of the options of training.  Written by scripts/bindings from include/clflow/train_options.def: do not edit."""

from __future__ import annotations

from typing import Literal, TypedDict


class TrainOptions(TypedDict, total=False):
    """Keyword arguments of Flow.fit() that are options of training; clflow.train_options() says what they mean."""

    activations: Literal["store", "reverse", "auto"] | None
    batch: int | None
    beta1: float | None
    beta2: float | None
    clip: float | None
    drops: int | None
    ema: float | None
    epochs: int | None
    eps: float | None
    eps_hat: Literal["textbook", "tf"] | None
    flip: bool | None
    grains: int | None
    l2: float | None
    lr: float | None
    memory: int | None
    part: int | None
    patience: int | None
    plateau_factor: float | None
    plateau_patience: int | None
    samples: int | None
    schedule: Literal["constant", "cosine", "plateau"] | None
    seed: int | None
    shuffle: bool | None
    split_seed: int | None
    standardize: bool | None
    steps: int | None
    valid_every: int | None
    valid_split: float | None
    warmup: int | None
    weight_decay: float | None
