# SPDX-License-Identifier: MIT
"""clflow.sklearn: a flow as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._errors import ArgumentError
from ._frames import frame_of, is_plain
from .flow import Flow

try:
    from sklearn.utils.validation import _check_feature_names, _check_n_features, validate_data
except ImportError:  # before scikit-learn 1.6

    def validate_data(estimator: Any, X: Any, **options: Any) -> Any:
        return estimator._validate_data(X, **options)

    def _check_feature_names(estimator: Any, X: Any, *, reset: bool) -> None:
        estimator._check_feature_names(X, reset=reset)

    def _check_n_features(estimator: Any, X: Any, *, reset: bool) -> None:
        estimator._check_n_features(X, reset=reset)


__all__ = ["FlowDensity"]


def _validated(estimator: Any, X: Any, **options: Any) -> Any:
    """The rows after validation by scikit-learn; of frames with labels, booleans or dates only the names are checked."""
    frame = frame_of(X, "X")
    if frame is None or is_plain(frame[1]) or isinstance(X, np.ndarray):
        return validate_data(estimator, X, **options)
    reset = options.get("reset", True)
    _check_feature_names(estimator, X, reset=reset)
    _check_n_features(estimator, X, reset=reset)
    return X


class FlowDensity(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """The density of a table, as a normalizing flow trained by maximum likelihood.

    It trains for a number of steps, not for a time, so that the same `random_state` gives the same model.

    Parameters
    ----------
    arch : str, default="nsf-ar"
        A preset (``clflow.presets()``), or an architecture as text with the dimension of the data.
    hidden, depth : int or None, default=None
        Units of the nets, and layers; None: the preset's.
    steps : int, default=2000
        Optimiser steps.
    batch : int or None, default=None
        Rows per step; None: the preset's.
    lr : float or None, default=None
        Step size of Adam; None: the preset's.
    valid_split : float, default=0.1
        Fraction of the rows for validation, which chooses the weights; 0: none.
    options : dict or None, default=None
        Further training options by name (``clflow.train_options()``).
    device : str or None, default="cpu"
        As ``clflow.Flow`` takes it.
    random_state : int, RandomState or None, default=None
        Seed of initial weights and of the order of rows.

    Attributes
    ----------
    flow_ : clflow.Flow
        The trained flow.
    history_ : clflow.History
        Its training.
    n_features_in_ : int
        Columns of the data, D.
    feature_names_in_ : ndarray of shape (D,)
        Their names, if the data had names.
    """

    def __init__(
        self, arch: str = "nsf-ar", *, hidden: int | None = None, depth: int | None = None, steps: int = 2000, batch: int | None = None,
        lr: float | None = None, valid_split: float = 0.1, options: dict[str, Any] | None = None, device: str | None = "cpu",
        random_state: Any = None,
    ) -> None:  # fmt: skip
        self.arch, self.hidden, self.depth, self.steps, self.batch = arch, hidden, depth, steps, batch
        self.lr, self.valid_split, self.options, self.device, self.random_state = lr, valid_split, options, device, random_state

    def fit(self, X: Any, y: Any = None) -> FlowDensity:
        """Trains a new flow on X, (n, D), an array or a data frame, whose columns may hold labels and dates; y is ignored."""
        X = _validated(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        if isinstance(X, np.ndarray) and (X == X[0]).all():
            raise ArgumentError(f"all {len(X)} samples are equal: there is no density to fit")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        values = {name: value for name, value in (("hidden", self.hidden), ("depth", self.depth)) if value is not None}
        flow = Flow(self.arch, None if ":" in self.arch else X.shape[1], seed=seed, device=self.device, **values)
        given = {"steps": self.steps, "batch": self.batch, "lr": self.lr, "seed": seed, **(self.options or {})}
        if round(self.valid_split * len(X)) >= 1:
            given["valid_split"] = self.valid_split
        self.history_ = flow.fit(X, progress=False, **given)
        self.flow_ = flow
        return self

    def score_samples(self, X: Any) -> npt.NDArray[np.float64]:
        """log p of each row of X, (n), in nats."""
        check_is_fitted(self)
        X = _validated(self, X, dtype=np.float64, reset=False)
        return self.flow_.log_prob(X)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of log p over the rows of X, in nats a row, as in GaussianMixture (KernelDensity returns the total)."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Draws samples, (n_samples, D): an array, or a data frame where X held labels, booleans or dates."""
        check_is_fitted(self)
        if n_samples < 1:
            raise ArgumentError(f"n_samples is {n_samples}; at least 1 is wanted")
        return self.flow_.sample(n_samples, seed=int(check_random_state(random_state).randint(2**31 - 1)))
